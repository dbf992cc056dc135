import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import type { UserId } from "../domain/Ids.ts"
import { asUser } from "./AsUser.ts"

/** Runs an effect in one transaction as a user, from the beginning again when Postgres ended it for another's sake. */
export type UserTransactions = <A, E>(userId: UserId, effect: Effect.Effect<A, E>) => Effect.Effect<A, E | SqlError>

/** {@link asUser} on the client of this layer, for services whose methods need nothing more. */
export const makeUserTransactions: Effect.Effect<UserTransactions, never, SqlClient> = Effect.map(
  SqlClient,
  (sql) => (userId, effect) =>
    asUser(userId, effect).pipe(
      Effect.provideService(SqlClient, sql),
      Effect.retry({ times: 3, while: (error) => isSqlError(error) && gaveWay.has(error.reason._tag) })
    )
)

/** Postgres rolls such a transaction back whole, so running it again does nothing twice. */
const gaveWay: ReadonlySet<string> = new Set(["DeadlockError", "SerializationError"])
