import { PgClient } from "@effect/sql-pg"
import { Effect, Layer } from "effect"
import type { Actor } from "../../src/domain/Actor.ts"
import { UserId } from "../../src/domain/Ids.ts"
import { NewWebhook } from "../../src/domain/Webhook.ts"
import { Deliveries } from "../../src/webhooks/Deliveries.ts"
import { HistoryRepo } from "../../src/webhooks/HistoryRepo.ts"
import { ManagedWebhooks } from "../../src/webhooks/ManagedWebhooks.ts"
import { ReplayRepo } from "../../src/webhooks/ReplayRepo.ts"
import { Replays } from "../../src/webhooks/Replays.ts"
import { RetryRepo } from "../../src/webhooks/RetryRepo.ts"
import { Usage } from "../../src/webhooks/Usage.ts"
import { UsageRepo } from "../../src/webhooks/UsageRepo.ts"
import { WebhookRepo } from "../../src/webhooks/WebhookRepo.ts"
import { Webhooks } from "../../src/webhooks/Webhooks.ts"
import { DispatchingLayer } from "./Dispatching.ts"

/** What people can do with webhooks, on a database of the test file's own, beside all that a dispatcher needs. */
export const PeopleLayer = Layer.mergeAll(
  ManagedWebhooks.layer,
  Webhooks.layer,
  Deliveries.layer,
  Replays.layer,
  Usage.layer
).pipe(
  Layer.provideMerge(
    Layer.mergeAll(WebhookRepo.layer, HistoryRepo.layer, RetryRepo.layer, ReplayRepo.layer, UsageRepo.layer)
  ),
  Layer.provideMerge(DispatchingLayer)
)

export const actor = (userId: string): Actor => ({ userId: UserId.make(userId), actor: userId, address: "192.0.2.7" })

/** A webhook of a user, made as the API makes it. */
export const createWebhook = Effect.fnUntraced(function* (userId: string, webhook: Partial<NewWebhook> = {}) {
  const webhooks = yield* Webhooks
  return yield* webhooks.create(
    actor(userId),
    new NewWebhook({ url: "http://127.0.0.1:8099/hook", events: ["*"], ...webhook })
  )
})

/** What the audit log has about a subject, the oldest first. */
export const audited = Effect.fnUntraced(function* (subject: string) {
  const sql = yield* PgClient.PgClient
  return yield* sql<{ userId: string; actor: string; action: string; detail: unknown; address: string | null }>`
    SELECT user_id, actor, action, detail, address FROM nexus.audit_log WHERE subject = ${subject} ORDER BY id`
})
