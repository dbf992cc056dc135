import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Layer, Result } from "effect"
import { splitStatements } from "../../src/database/SqlStatements.ts"
import { TestDatabase } from "../support/Database.ts"
import { makeProducer, takeOutbox } from "../support/Producer.ts"

const Test = TestDatabase.layer.pipe(Layer.provideMerge(NodeServices.layer))

/** The statements of the page's SQL blocks, in order. */
const statements = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const page = yield* fs.readFileString("sql/README.md")
  const blocks = Array.from(page.matchAll(/^```sql\n(.*?)^```$/gms), ([, block]) => block ?? "")
  return blocks.flatMap((block) => Result.getOrThrow(splitStatements(block)).map(({ text }) => text))
})

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("sql/README.md", (it) => {
  it.effect("has only examples that run, for a role that has what the first of them gives", () =>
    Effect.gen(function* () {
      const admin = yield* PgClient.PgClient
      const { sql, role } = yield* makeProducer([])
      const [grant, ...examples] = yield* statements
      assert.strictEqual(grant, "GRANT nexus_producer TO their_app")
      assert.isAbove(examples.length, 7)
      yield* admin.unsafe((grant ?? "").replace("their_app", role))
      yield* Effect.forEach(examples, (example) => sql.unsafe(example), { discard: true })

      const emitted = yield* takeOutbox
      assert.deepStrictEqual(
        [...emitted.slice(0, 2), ...emitted.slice(-3, -2)].map(({ userId, payload }) => [userId, payload]),
        [
          ["user-123", '{"contactId": "contact-123", "email": "john@example.com"}'],
          ["user-123", '{"cardId": "card-123"}'],
          ["user-123", '{"id":"card-1","title":"My card"}']
        ]
      )
      assert.deepStrictEqual(
        emitted.slice(-2).map(({ eventType, payload }) => [eventType, JSON.parse(payload).email]),
        [
          ["CONTACT_CREATED", "john@example.com"],
          ["CONTACT_CREATED", "jim@example.com"]
        ]
      )
      assert.strictEqual(emitted.length, 2 + 1000 + 1 + 2)
      assert.deepStrictEqual(yield* admin`SELECT email, first_name, custom_fields FROM nexus.contact ORDER BY email`, [
        { email: "jane.doe@example.com", firstName: "Jane", customFields: { plan: "free" } },
        { email: "jim@example.com", firstName: "Jim", customFields: { plan: "pro" } },
        { email: "john@example.com", firstName: "John", customFields: { score: 4.5, newsletter: true } }
      ])
    })
  )
})
