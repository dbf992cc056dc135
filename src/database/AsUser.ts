import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { UserId } from "../domain/Ids.ts"

/**
 * Runs statements in a transaction of the role `nexus_api`, which sees and writes only what belongs to the user: a
 * second wall behind the conditions of the statements themselves.
 */
export const asUser = <A, E, R>(
  userId: UserId,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | SqlError, R | SqlClient> =>
  Effect.flatMap(SqlClient, (sql) =>
    sql.withTransaction(
      Effect.andThen(
        sql`SELECT set_config('role', 'nexus_api', true), set_config('nexus.user_id', ${userId}, true)`,
        effect
      )
    )
  )
