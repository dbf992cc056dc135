import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { type Emulator, startEmulator } from "nexus-integrations/plugin/testing"
import { vi } from "vitest"
import { HubSpotEmulator } from "../plugins/hubspot/Emulator.ts"
import { IntegrationId, ProviderId, UserId } from "../src/domain/Ids.ts"
import {
  close,
  IntegrationProvider,
  integrationsRepository,
  integrationsService,
  WebhookEventType,
  webhooksService
} from "../src/index.ts"
import { credentialsPlace } from "../src/integrations/StoredCredentials.ts"
import { Keyring, parseKeys } from "../src/vault/Keyring.ts"
import { Vault } from "../src/vault/Vault.ts"
import { TestDatabase } from "./support/Database.ts"
import { testKey } from "./support/Dispatching.ts"

interface Contact {
  readonly id: string
  readonly firstName: string
  readonly lastName: string
  readonly email: string
  readonly cardId: string
}

/** The product documentation's snippet, word for word but for its imports. */
// biome-ignore format: as it stands in the product documentation
async function notifyContactCreated(userId: string, contact: Contact) {
  await webhooksService.triggerEvent(
    userId,
    WebhookEventType.CONTACT_CREATED,
    {
      contactId: contact.id,
      firstName: contact.firstName,
      lastName: contact.lastName,
      email: contact.email,
      cardId: contact.cardId
    }
  );
}

/** The product documentation's snippet, word for word but for its imports. */
// biome-ignore format: as it stands in the product documentation
async function syncNewContact(contact: { readonly userId: string }) {
  const integrations = await integrationsService.listIntegrations(contact.userId);
  
  const crmIntegrations = integrations.filter(i => 
    ['SALESFORCE', 'HUBSPOT', 'ZOHO'].includes(i.provider)
  );
  
  for (const integration of crmIntegrations) {
    await integrationsService.syncContacts(contact.userId, integration.provider);
  }
}

const contact = { id: "contact-123", firstName: "John", lastName: "Doe", email: "john@example.com", cardId: "card-123" }

const TestVault = Vault.layer.pipe(
  Layer.provide(Layer.effect(Keyring, parseKeys("the test's key", Redacted.make(testKey))))
)

class Emulated extends Context.Service<Emulated, Emulator>()("nexus/test/Emulated") {}

/** The calls read their settings from the environment, as an application that embeds them sets it, before the first one. */
const Environment = Layer.effect(
  Emulated,
  Effect.gen(function* () {
    const emulator = HubSpotEmulator()
    const { url } = yield* startEmulator(emulator)
    const variables = {
      DATABASE_URL: Redacted.value((yield* TestDatabase).url),
      NEXUS_ENCRYPTION_KEYS: testKey,
      NEXUS_EGRESS_ALLOW: "127.0.0.0/8",
      NEXUS_HOST_HUBSPOT_API: url
    }
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
    yield* Effect.addFinalizer(() =>
      Effect.andThen(
        Effect.promise(close),
        Effect.sync(() => vi.unstubAllEnvs())
      )
    )
    return emulator
  })
)

layer(Environment.pipe(Layer.provideMerge(Layer.merge(TestDatabase.layer, TestVault))), { excludeTestServices: true })(
  "the package in an application's process",
  (it) => {
    it.effect("triggers an event as the product documentation does, and names what is wrong", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* Effect.promise(() => notifyContactCreated("user-123", contact))
        const rows = yield* sql`SELECT user_id, event_type, payload::text AS payload FROM nexus.outbox`
        assert.deepStrictEqual(
          rows.map((row) => ({ ...row })),
          [
            {
              userId: "user-123",
              eventType: "CONTACT_CREATED",
              payload:
                '{"contactId":"contact-123","firstName":"John","lastName":"Doe","email":"john@example.com","cardId":"card-123"}'
            }
          ]
        )
        const unknown = yield* Effect.flip(
          Effect.tryPromise({ try: () => webhooksService.triggerEvent("user-123", "CARD_VEIW", {}), catch: String })
        )
        assert.match(unknown, /event type "CARD_VEIW" is unknown/)
      })
    )

    it.effect("lists, finds and syncs integrations as the product documentation does", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const emulator = yield* Emulated
        const id = "00000000-0000-7000-8000-000000000001"
        const owner = {
          id: IntegrationId.make(id),
          userId: UserId.make("user-9"),
          provider: ProviderId.make("HUBSPOT")
        }
        const vault = yield* Vault
        const sealed = yield* vault.seal(Redacted.make(JSON.stringify(emulator.credentials)), credentialsPlace(owner))
        yield* sql`INSERT INTO nexus.integration (id, user_id, provider, credentials) VALUES (${id}::uuid, 'user-9', 'HUBSPOT', ${sealed})`
        yield* sql`SELECT nexus.upsert_contact('user-9', 'ada@example.com', first_name => 'Ada')`

        yield* Effect.promise(async () => {
          await syncNewContact({ userId: "user-9" })
          const found = await integrationsRepository.findByUserAndProvider("user-9", IntegrationProvider.HUBSPOT)
          assert.deepInclude(found, { id, provider: "HUBSPOT", credentials: { accessToken: "••••3333" } })
          assert.isNull(await integrationsRepository.findByUserAndProvider("user-9", IntegrationProvider.SALESFORCE))
          assert.isNull(await integrationsRepository.findByUserAndProvider("user-9", IntegrationProvider.GOOGLE_DRIVE))
          const again = await integrationsService.syncContacts("user-9", "HUBSPOT")
          assert.deepInclude(again, { state: "COMPLETED", contactsSynced: 1, unchanged: 1 })
          const refused = await integrationsService
            .syncContacts("user-9", "ZAPIER")
            .catch((error: unknown) => String(error))
          assert.match(String(refused), /Zapier takes no contacts/)
        })
        assert.deepStrictEqual(
          emulator.contacts?.all().map(({ email }) => email),
          ["ada@example.com"]
        )
      })
    )
  }
)
