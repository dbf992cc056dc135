import { PgClient } from "@effect/sql-pg"
import { Context, Crypto, Effect, Layer, Redacted } from "effect"
import { Hex } from "effect/encoding"
import type { SqlError } from "effect/sql/SqlError"
import { clientLayer } from "../../src/database/Database.ts"
import { faultOf } from "../../src/database/PostgresFault.ts"
import { TestDatabase } from "./Database.ts"

/** Another application: its own login role, which owns a schema of the role's name that is its search path. */
export interface Producer {
  readonly role: string
  readonly sql: PgClient.PgClient
}

/**
 * Makes a login role and connects as it, for the current scope. By default it may do what `nexus_producer` may, and
 * nothing else in the schema of the service.
 */
export const makeProducer = Effect.fnUntraced(function* (grants: ReadonlyArray<string> = ["nexus_producer"]) {
  const admin = yield* PgClient.PgClient
  const { url } = yield* TestDatabase
  const role = `app_${Hex.encode(yield* (yield* Crypto.Crypto).randomBytes(6))}`
  yield* Effect.acquireRelease(admin.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD '${role}'`), () =>
    Effect.orDie(Effect.andThen(admin.unsafe(`DROP OWNED BY ${role} CASCADE`), admin.unsafe(`DROP ROLE ${role}`)))
  )
  for (const grant of grants) yield* admin.unsafe(`GRANT ${grant} TO ${role}`)
  yield* admin.unsafe(`CREATE SCHEMA AUTHORIZATION ${role}`)
  const mine = new URL(Redacted.value(url))
  mine.username = role
  mine.password = role
  const sql = Context.get(yield* Layer.build(clientLayer(Redacted.make(mine.href), 3)), PgClient.PgClient)
  return { role, sql } satisfies Producer
})

/** The SQLSTATE and the message of a statement that has to fail. */
export const refusal = <A>(statement: Effect.Effect<A, SqlError>) =>
  Effect.map(Effect.flip(statement), (error) => {
    const { code, message } = faultOf(error)
    return `${code}: ${message}`
  })

/** A row that waits in the outbox, its payload as the text that was written. */
export interface Waiting {
  readonly id: string
  readonly userId: string
  readonly eventType: string
  readonly payload: string
}

/** What waits in the outbox, taken out, the oldest first. Nothing else may be emitting in the test's database. */
export const takeOutbox = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  return yield* sql<Waiting>`
    WITH taken AS (DELETE FROM nexus.outbox RETURNING id, user_id, event_type, payload::text AS payload)
    SELECT * FROM taken ORDER BY id`
})

/** The same for dead letters. */
export const takeDeadLetters = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  return yield* sql<Waiting & { readonly reason: string }>`
    WITH taken AS (DELETE FROM nexus.dead_letter RETURNING id, user_id, event_type, payload::text AS payload, reason)
    SELECT * FROM taken ORDER BY id`
})
