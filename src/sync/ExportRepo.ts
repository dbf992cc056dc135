/** What runs that make a file write down on their way. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { SyncRunId } from "../domain/Ids.ts"
import type { StoredFile } from "../plugin/Files.ts"
import type { Sealed } from "../vault/Vault.ts"
import type { ClaimedRun } from "./SyncRunRepo.ts"

export class ExportRepo extends Context.Service<
  ExportRepo,
  {
    /** Whether a run is still this process's, and nobody has cancelled it or forgotten its user. */
    holds(run: ClaimedRun): Effect.Effect<boolean, SqlError>
    /** Notes where the upload of a run goes on; false when the run is cancelled, or another process's. */
    keepUpload(run: ClaimedRun, upload: Sealed): Effect.Effect<boolean, SqlError>
    /** Notes the file that a run has made, and how many contacts are in it; false when the run is another process's. */
    stored(run: ClaimedRun, file: StoredFile | null, contacts: number): Effect.Effect<boolean, SqlError>
  }
>()("nexus/sync/ExportRepo") {
  static readonly layer = Layer.effect(
    ExportRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient

      const isHeld = ({ id, lease }: ClaimedRun) =>
        sql`id = ${id}::uuid AND lease = ${lease}::uuid AND state = 'RUNNING' AND NOT is_cancelled`

      return ExportRepo.of({
        holds: (run) =>
          sql`SELECT FROM nexus.sync_run WHERE ${isHeld(run)}`.pipe(Effect.map((rows) => rows.length > 0)),
        keepUpload: (run, upload) =>
          sql<{ readonly id: SyncRunId }>`
            UPDATE nexus.sync_run SET upload = ${upload} WHERE ${isHeld(run)} RETURNING id`.pipe(
            Effect.map((rows) => rows.length > 0)
          ),
        stored: (run, file, contacts) =>
          sql<{ readonly id: SyncRunId }>`
            UPDATE nexus.sync_run SET file = ${file === null ? null : JSON.stringify(file)}::text::json, upload = NULL,
              created = ${contacts}
            WHERE id = ${run.id}::uuid AND lease = ${run.lease}::uuid AND state = 'RUNNING'
            RETURNING id`.pipe(Effect.map((rows) => rows.length > 0))
      })
    })
  )
}
