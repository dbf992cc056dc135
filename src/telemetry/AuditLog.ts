import { Context, DateTime, Effect, Layer } from "effect"
import { AuditEntry } from "../domain/AuditEntry.ts"
import { idOfCursor, pageOf } from "../domain/Cursor.ts"
import type { UserId } from "../domain/Ids.ts"
import type { Page, PageRequest } from "../domain/Page.ts"
import { AuditRepo } from "./AuditRepo.ts"

/** Who changed what. Entries are written in the transactions of the changes themselves, so none is missing. */
export class AuditLog extends Context.Service<
  AuditLog,
  {
    /** What was done to a user's things, the newest first. */
    list(userId: UserId, page: PageRequest): Effect.Effect<Page<AuditEntry>>
  }
>()("nexus/telemetry/AuditLog") {
  static readonly layer = Layer.effect(
    AuditLog,
    Effect.gen(function* () {
      const repo = yield* AuditRepo
      return AuditLog.of({
        list: Effect.fn("AuditLog.list")(function* (userId: UserId, { limit, cursor }: PageRequest) {
          const rows = yield* Effect.orDie(repo.list(userId, limit + 1, idOfCursor(cursor)))
          const entries = rows.map(
            ({ createdAt, ...rest }) => new AuditEntry({ ...rest, createdAt: DateTime.fromDateUnsafe(createdAt) })
          )
          return pageOf(entries, limit)
        })
      })
    })
  )
}
