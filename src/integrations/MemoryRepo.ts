/** What plugins remember about integrations. */
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer } from "effect"
import { isSqlError } from "effect/sql/SqlError"
import { Memories } from "../plugin/Memory.ts"

/** Memories in the database. Those of an integration that is gone, or not there yet, are kept nowhere. */
export const MemoryRepo = Layer.effect(
  Memories,
  Effect.gen(function* () {
    const sql = yield* PgClient.PgClient

    return Memories.of({
      of: (integration) => {
        const find = (key: string) =>
          sql<{ readonly value: string }>`
            SELECT value FROM nexus.integration_memory WHERE integration_id = ${integration}::uuid AND key = ${key}`.pipe(
            Effect.map((rows) => rows[0]?.value)
          )
        return {
          once: Effect.fn("Memory.once")(
            function* <E>(key: string, make: Effect.Effect<string, E>) {
              const known = yield* find(key)
              if (known !== undefined) return known
              const made = yield* make
              yield* sql`
                INSERT INTO nexus.integration_memory (integration_id, user_id, key, value)
                SELECT id, user_id, ${key}, ${made} FROM nexus.integration WHERE id = ${integration}::uuid
                ON CONFLICT DO NOTHING`
              return (yield* find(key)) ?? made
            },
            (effect) => Effect.catchIf(effect, isSqlError, Effect.die)
          ),
          forget: (key, text) =>
            sql`
            DELETE FROM nexus.integration_memory
            WHERE integration_id = ${integration}::uuid AND key = ${key} AND value = ${text}`.pipe(
              Effect.asVoid,
              Effect.orDie
            )
        }
      }
    })
  })
)
