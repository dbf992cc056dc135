import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { type Emulator, startEmulator } from "nexus-integrations/plugin/testing"
import { vi } from "vitest"
import { GoogleDriveEmulator } from "../plugins/google-drive/Emulator.ts"
import { HubSpotEmulator } from "../plugins/hubspot/Emulator.ts"
import { IntegrationId, ProviderId, UserId } from "../src/domain/Ids.ts"
import {
  close,
  dropboxService,
  googleDriveService,
  IntegrationProvider,
  integrationsRepository,
  integrationsService,
  WebhookEventType,
  webhooksService
} from "../src/index.ts"
import { credentialsPlace } from "../src/integrations/StoredCredentials.ts"
import { hostVariable } from "../src/plugin/Hosts.ts"
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

/** What the snippet below leaves to the application. */
const generateCSV = (contacts: ReadonlyArray<Contact>) =>
  ["email", ...contacts.map(({ email }) => email)].map((line) => `${line}\r\n`).join("")

/** The product documentation's snippet, word for word but for its imports. */
// biome-ignore format: as it stands in the product documentation
async function exportContacts(userId: string, contacts: Contact[]) {
  const integration = await integrationsRepository.findByUserAndProvider(
    userId,
    IntegrationProvider.GOOGLE_DRIVE
  );
  
  if (integration) {
    const csv = generateCSV(contacts);
    await googleDriveService.uploadFile(integration.credentials, {
      name: `contacts-export-${Date.now()}.csv`,
      content: Buffer.from(csv),
      mimeType: 'text/csv'
    });
  }
}

const contact = { id: "contact-123", firstName: "John", lastName: "Doe", email: "john@example.com", cardId: "card-123" }

const TestVault = Vault.layer.pipe(
  Layer.provide(Layer.effect(Keyring, parseKeys("the test's key", Redacted.make(testKey))))
)

class Emulated extends Context.Service<Emulated, { readonly hubspot: Emulator; readonly drive: Emulator }>()(
  "nexus/test/Emulated"
) {}

/** Connects a user, past all checks. */
const connected = Effect.fnUntraced(function* (
  id: string,
  userId: string,
  provider: string,
  { credentials }: Emulator
) {
  const sql = yield* PgClient.PgClient
  const owner = { id: IntegrationId.make(id), userId: UserId.make(userId), provider: ProviderId.make(provider) }
  const sealed = yield* (yield* Vault).seal(Redacted.make(JSON.stringify(credentials)), credentialsPlace(owner))
  yield* sql`
    INSERT INTO nexus.integration (id, user_id, provider, credentials)
    VALUES (${id}::uuid, ${userId}, ${provider}, ${sealed})`
})

/** The calls read their settings from the environment, as an application that embeds them sets it, before the first one. */
const Environment = Layer.effect(
  Emulated,
  Effect.gen(function* () {
    const hubspot = HubSpotEmulator()
    const drive = GoogleDriveEmulator()
    const { url: hubspotUrl } = yield* startEmulator(hubspot)
    const { url: driveUrl } = yield* startEmulator(drive)
    const variables = {
      DATABASE_URL: Redacted.value((yield* TestDatabase).url),
      NEXUS_ENCRYPTION_KEYS: testKey,
      NEXUS_EGRESS_ALLOW: "127.0.0.0/8",
      GOOGLE_CLIENT_ID: drive.oauth?.client.id ?? "",
      GOOGLE_CLIENT_SECRET: drive.oauth?.client.secret ?? "",
      NEXUS_HOST_HUBSPOT_API: hubspotUrl,
      ...Object.fromEntries(drive.hosts.map((host) => [hostVariable(ProviderId.make("GOOGLE_DRIVE"), host), driveUrl]))
    }
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
    yield* Effect.addFinalizer(() =>
      Effect.andThen(
        Effect.promise(close),
        Effect.sync(() => vi.unstubAllEnvs())
      )
    )
    return { hubspot, drive }
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
        const emulator = (yield* Emulated).hubspot
        const id = "00000000-0000-7000-8000-000000000001"
        yield* connected(id, "user-9", "HUBSPOT", emulator)
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

    it.effect("uploads files as the product documentation does, with a token that has to be renewed", () =>
      Effect.gen(function* () {
        const { drive } = yield* Emulated
        yield* connected("00000000-0000-7000-8000-000000000002", "user-10", "GOOGLE_DRIVE", drive)
        drive.oauth?.expire()
        yield* Effect.promise(() => exportContacts("user-10", [contact]))
        const [file, ...others] = drive.files?.all() ?? []
        assert.match(file?.name ?? "", /^contacts-export-\d+\.csv$/)
        assert.deepInclude(file, { text: "email\r\njohn@example.com\r\n", mimeType: "text/csv" })
        assert.strictEqual(others.length, 0)
        yield* Effect.promise(() => exportContacts("nobody", [contact]))
        assert.strictEqual(drive.files?.all().length, 1)

        yield* Effect.promise(async () => {
          const found = await integrationsRepository.findByUserAndProvider("user-10", IntegrationProvider.GOOGLE_DRIVE)
          assert.isNotNull(found)
          assert.match(String(found.credentials.refreshToken), /^••••.{4}$/)
          const upload = (credentials: Readonly<Record<string, unknown>>, name: string) =>
            googleDriveService.uploadFile(credentials, { name, content: "x", mimeType: "text/plain" }).then(
              (stored) => stored.name,
              (error: unknown) => String(error)
            )
          assert.strictEqual(await upload(found.credentials, "../../a\u202e\0b.txt"), "-..-ab.txt")
          assert.match(await upload({ ...found.credentials }, "a.txt"), /the very object|not a copy of it/)
          const elsewhere = dropboxService.uploadFile(found.credentials, {
            name: "a",
            content: "",
            mimeType: "text/plain"
          })
          assert.match(String(await elsewhere.catch(String)), /credentials of GOOGLE_DRIVE, .* go to DROPBOX/)
          drive.files?.fill(true)
          assert.match(await upload(found.credentials, "a.txt"), /full/)
        })
      })
    )
  }
)
