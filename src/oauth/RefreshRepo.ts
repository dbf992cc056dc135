/** Who renews the tokens of an integration. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { IntegrationRow } from "../integrations/IntegrationRepo.ts"
import type { Sealed } from "../vault/Vault.ts"

/** Seconds that a refresh may take; then its process counts as gone. Longer than an exchange lasts at most. */
export const refreshSeconds = 30

/** What a refresh works on: an integration as it was connected. */
type Renewed = Pick<IntegrationRow, "id" | "connection">

/** What of an integration changes by itself. */
export type CurrentCredentials = Pick<IntegrationRow, "connection" | "credentials">

export class RefreshRepo extends Context.Service<
  RefreshRepo,
  {
    /** Undefined when the integration is gone. */
    current(row: Pick<Renewed, "id">): Effect.Effect<CurrentCredentials | undefined, SqlError>
    /** Makes `lease` the one who refreshes, and gives what there is to refresh; undefined while another one does. */
    claim(row: Renewed, lease: string): Effect.Effect<CurrentCredentials | undefined, SqlError>
    /** Stores new credentials; false when they were connected anew, or another one has taken over. */
    save(row: Renewed, lease: string, credentials: Sealed): Effect.Effect<boolean, SqlError>
    release(row: Renewed, lease: string): Effect.Effect<void, SqlError>
  }
>()("nexus/oauth/RefreshRepo") {
  static readonly layer = Layer.effect(
    RefreshRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const until = sql.literal(`now() + interval '${refreshSeconds} seconds'`)

      return RefreshRepo.of({
        current: ({ id }) =>
          sql<CurrentCredentials>`
            SELECT connection, credentials FROM nexus.integration WHERE id = ${id}::uuid`.pipe(
            Effect.map((rows) => rows[0])
          ),
        claim: ({ id, connection }, lease) =>
          sql<CurrentCredentials>`
            UPDATE nexus.integration SET refresh_lease = ${lease}::uuid, refresh_until = ${until}
            WHERE id = ${id}::uuid AND connection = ${connection}::uuid
              AND (refresh_until IS NULL OR refresh_until <= now())
            RETURNING connection, credentials`.pipe(Effect.map((rows) => rows[0])),
        save: ({ id, connection }, lease, credentials) =>
          sql<{ readonly id: string }>`
            UPDATE nexus.integration SET credentials = ${credentials}, refresh_lease = NULL, refresh_until = NULL
            WHERE id = ${id}::uuid AND connection = ${connection}::uuid AND refresh_lease = ${lease}::uuid
            RETURNING id`.pipe(Effect.map((rows) => rows.length > 0)),
        release: ({ id }, lease) => sql`
          UPDATE nexus.integration SET refresh_lease = NULL, refresh_until = NULL
          WHERE id = ${id}::uuid AND refresh_lease = ${lease}::uuid`
      })
    })
  )
}
