/** Reads the audit log. It is written by the statements that make the changes. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { asUser } from "../database/AsUser.ts"
import type { UserId } from "../domain/Ids.ts"

/** An entry as the database has it. */
export interface AuditRow {
  readonly id: string
  readonly userId: UserId
  readonly actor: string
  readonly action: string
  readonly subject: string
  readonly detail: unknown
  readonly address: string | null
  readonly createdAt: Date
}

export class AuditRepo extends Context.Service<
  AuditRepo,
  {
    /** The newest first, from below an id on. */
    list(userId: UserId, limit: number, below: string | null): Effect.Effect<ReadonlyArray<AuditRow>, SqlError>
  }
>()("nexus/telemetry/AuditRepo") {
  static readonly layer = Layer.effect(
    AuditRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      return AuditRepo.of({
        list: Effect.fnUntraced(function* (userId: UserId, limit: number, below: string | null) {
          return yield* asUser(
            userId,
            sql<AuditRow>`
              SELECT id, user_id, actor, action, subject, detail, address, created_at FROM nexus.audit_log
              WHERE user_id = ${userId} AND id < coalesce(${below}::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
              ORDER BY id DESC LIMIT ${limit}`
          ).pipe(Effect.provideService(SqlClient, sql))
        })
      })
    })
  )
}
