import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Redacted, Ref } from "effect"
import { Keyring, parseKeys } from "../../src/vault/Keyring.ts"
import { Rotation } from "../../src/vault/Rotation.ts"
import { SealedRepo, sealedColumns } from "../../src/vault/SealedRepo.ts"
import { type Binding, type Sealed, Vault } from "../../src/vault/Vault.ts"
import { TestDatabase } from "../support/Database.ts"

const oldKey = `old:${Buffer.from("an old key of the rotation tests").toString("base64")}`
const newKey = `new:${Buffer.from("a new key of the rotation tests!").toString("base64")}`

const keyring = (text: string) => Layer.effect(Keyring, parseKeys("the test's keys", Redacted.make(text)))

const vaultWith = (text: string) =>
  Layer.build(Layer.fresh(Vault.layer).pipe(Layer.provide(Layer.fresh(keyring(text))))).pipe(
    Effect.map((context) => Context.get(context, Vault))
  )

const rotateWith = (text: string) =>
  Layer.build(
    Layer.fresh(Rotation.layer).pipe(
      Layer.provide([Layer.fresh(Vault.layer), SealedRepo.layer]),
      Layer.provide(Layer.fresh(keyring(text)))
    )
  ).pipe(Effect.flatMap((context) => Context.get(context, Rotation).rotate(() => Effect.void)))

/** The place of an integration's credentials, as the service makes it. */
const place = (row: string): Binding => ({
  table: "integration",
  row,
  user: `user-${row}`,
  provider: "ACME",
  field: "credentials"
})

const id = (n: number) => `00000000-0000-7000-8000-${String(n).padStart(12, "0")}`

layer(TestDatabase.layer, { excludeTestServices: true, timeout: "120 seconds" })("Rotation", (it) => {
  it.effect("seals 10,000 integrations anew while they are read, and no read fails", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const before = yield* vaultWith(oldKey)
      const during = yield* vaultWith(`${newKey},${oldKey}`)
      const rows = yield* Effect.forEach(Array.from({ length: 10_000 }), (_, n) =>
        Effect.map(before.seal(Redacted.make(`secret ${n}`), place(id(n))), (sealed) => ({
          id: id(n),
          user_id: `user-${id(n)}`,
          sealed
        }))
      )
      yield* sql`
        INSERT INTO nexus.integration (id, user_id, provider, credentials)
        SELECT id, user_id, 'ACME', sealed FROM json_to_recordset(${JSON.stringify(rows)}::text::json) AS _ (id uuid, user_id text, sealed text)`

      const reads = yield* Ref.make(0)
      const isDone = yield* Ref.make(false)
      const read = Effect.gen(function* () {
        const n = (yield* Ref.updateAndGet(reads, (count) => count + 1)) * 7919
        const [row] = yield* sql<{
          sealed: Sealed
        }>`SELECT credentials AS sealed FROM nexus.integration WHERE id = ${id(n % 10_000)}::uuid`
        assert.isDefined(row)
        const opened = yield* during.open(row.sealed, place(id(n % 10_000)))
        assert.strictEqual(Redacted.value(opened), `secret ${n % 10_000}`)
      })
      const readers = yield* Effect.forkChild(
        Effect.repeat(read, { until: () => Ref.get(isDone) }).pipe((one) =>
          Effect.all([one, one, one], { concurrency: 3 })
        )
      )
      const rotated = yield* rotateWith(`${newKey},${oldKey}`)
      yield* Ref.set(isDone, true)
      yield* Fiber.join(readers)

      assert.deepStrictEqual(rotated, { resealed: 10_000, broken: [] })
      assert.isAbove(yield* Ref.get(reads), 100)
      const after = yield* vaultWith(newKey)
      const all = yield* sql<{ id: string; sealed: Sealed }>`SELECT id, credentials AS sealed FROM nexus.integration`
      assert.strictEqual(all.length, 10_000)
      for (const row of all) yield* after.open(row.sealed, place(row.id))
      assert.deepStrictEqual(yield* rotateWith(`${newKey},${oldKey}`), { resealed: 0, broken: [] })
    }).pipe(Effect.scoped)
  )

  it.effect("knows every column that holds something sealed, and tells what it can't open", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const vault = yield* vaultWith(oldKey)
      const row = id(20_000)
      const seal = (table: string, field: string, user: string, of = row, provider = "") =>
        vault.seal(Redacted.make("secret"), { table, row: of, user, provider, field })
      const webhook = {
        id: row,
        userId: "ann",
        url: "https://example.com",
        events: ["*"],
        secret: yield* seal("webhook_subscription", "secret", "ann"),
        previousSecret: yield* seal("webhook_subscription", "previous_secret", "ann"),
        headers: yield* seal("webhook_subscription", "headers", "ann"),
        sealedUrl: yield* seal("webhook_subscription", "url", "ann")
      }
      yield* sql`INSERT INTO nexus.webhook_subscription ${sql.insert(webhook)}`
      const answer = {
        userId: "ann",
        key: "k",
        requestHash: "h",
        responseBody: yield* seal("idempotency_key", "response_body", "ann", "k")
      }
      yield* sql`INSERT INTO nexus.idempotency_key ${sql.insert(answer)}`
      yield* sql`INSERT INTO nexus.integration (id, user_id, provider, credentials) VALUES (${row}::uuid, 'ann', 'ACME', ${webhook.secret})`

      const upload = yield* seal("sync_run", "upload", "ann", row, "ACME")
      yield* sql`
        INSERT INTO nexus.sync_run (id, integration_id, user_id, provider, trigger, upload)
        VALUES (${row}::uuid, ${row}::uuid, 'ann', 'ACME', 'manual', ${upload})`

      const rotated = yield* rotateWith(`${newKey},${oldKey}`)
      assert.deepStrictEqual(rotated, { resealed: 6, broken: [`integration.credentials of ${row}`] })

      const texts = yield* sql<{ name: string }>`
        SELECT table_name || '.' || column_name AS name FROM information_schema.columns
        WHERE table_schema = 'nexus' AND data_type = 'text' AND table_name !~ '_[0-9]{8}$'`
      const found = yield* Effect.filter(texts, ({ name }) => {
        const [table = "", column = ""] = name.split(".")
        return Effect.map(
          sql`SELECT FROM nexus.${sql(table)} WHERE ${sql(column)} LIKE 'nx1.%' LIMIT 1`,
          (rows) => rows.length > 0
        )
      })
      assert.deepStrictEqual(found.map(({ name }) => name).sort(), [...sealedColumns].sort())
    }).pipe(Effect.scoped)
  )
})
