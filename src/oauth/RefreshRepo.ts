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

/** What there is to refresh, for who has the lease. */
export interface ClaimedCredentials extends CurrentCredentials {
  readonly lease: string
}

export class RefreshRepo extends Context.Service<
  RefreshRepo,
  {
    /** Undefined when the integration is gone. */
    current(row: Pick<Renewed, "id">): Effect.Effect<CurrentCredentials | undefined, SqlError>
    /** Makes the caller the one who refreshes; undefined while another one does. */
    claim(row: Renewed): Effect.Effect<ClaimedCredentials | undefined, SqlError>
    /**
     * Stores new credentials in the place of those that were claimed; false when others have been stored since. Who was
     * too slow to keep the lease may still: what they got may be all that the provider takes.
     */
    save(row: Pick<Renewed, "id">, claimed: ClaimedCredentials, credentials: Sealed): Effect.Effect<boolean, SqlError>
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
        claim: ({ id, connection }) =>
          sql<ClaimedCredentials>`
            UPDATE nexus.integration SET refresh_lease = gen_random_uuid(), refresh_until = ${until}
            WHERE id = ${id}::uuid AND connection = ${connection}::uuid
              AND (refresh_until IS NULL OR refresh_until <= now())
            RETURNING connection, credentials, refresh_lease AS lease`.pipe(Effect.map((rows) => rows[0])),
        save: ({ id }, claimed, credentials) =>
          sql<{ readonly id: string }>`
            UPDATE nexus.integration SET credentials = ${credentials}, refresh_lease = NULL, refresh_until = NULL
            WHERE id = ${id}::uuid AND connection = ${claimed.connection}::uuid
              -- Sealed with another key meanwhile, they read differently and are the same.
              AND (refresh_lease = ${claimed.lease}::uuid OR credentials = ${claimed.credentials})
            RETURNING id`.pipe(Effect.map((rows) => rows.length > 0)),
        release: ({ id }, lease) => sql`
          UPDATE nexus.integration SET refresh_lease = NULL, refresh_until = NULL
          WHERE id = ${id}::uuid AND refresh_lease = ${lease}::uuid`
      })
    })
  )
}
