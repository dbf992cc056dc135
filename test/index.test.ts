import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { vi } from "vitest"
import { close, WebhookEventType, webhooksService } from "../src/index.ts"
import { TestDatabase } from "./support/Database.ts"

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

const contact = { id: "contact-123", firstName: "John", lastName: "Doe", email: "john@example.com", cardId: "card-123" }

/** The calls read their database from the environment, as an application that embeds them sets it. */
const withEnvironment = <A, E, R>(test: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.map(TestDatabase, ({ url }) => vi.stubEnv("DATABASE_URL", Redacted.value(url))),
    () => test,
    () =>
      Effect.andThen(
        Effect.promise(close),
        Effect.sync(() => vi.unstubAllEnvs())
      )
  )

layer(TestDatabase.layer, { excludeTestServices: true })("the package in an application's process", (it) => {
  it.effect("triggers an event as the product documentation does, and names what is wrong", () =>
    withEnvironment(
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
  )
})
