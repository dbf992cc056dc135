import { Effect, Redacted } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentUser } from "../api/Authentication.ts"
import { success } from "../api/Paging.ts"
import { TestSent } from "../api/WebhooksApi.ts"
import { WebhookWithSecret } from "../domain/Webhook.ts"
import { Deliveries } from "../webhooks/Deliveries.ts"
import { Replays } from "../webhooks/Replays.ts"
import { Usage } from "../webhooks/Usage.ts"
import type { Issued } from "../webhooks/WebhookRows.ts"
import { Webhooks } from "../webhooks/Webhooks.ts"
import { paged, pageRequest } from "./Links.ts"

/** For how long the old secret signs beside the new one, unless the request says otherwise: a day. */
const overlapSeconds = 86_400

export const WebhooksHandlers = HttpApiBuilder.group(
  Api,
  "webhooks",
  Effect.fn(function* (handlers) {
    const webhooks = yield* Webhooks
    const deliveries = yield* Deliveries
    const replays = yield* Replays
    const usage = yield* Usage

    return handlers.handleAll({
      create: Effect.fnUntraced(function* ({ payload }) {
        return withSecret(yield* webhooks.create(yield* CurrentUser, payload))
      }),
      list: Effect.fnUntraced(function* ({ query, request }) {
        return paged(request)(yield* webhooks.list((yield* CurrentUser).userId, pageRequest(query)))
      }),
      get: Effect.fnUntraced(function* ({ params }) {
        return yield* webhooks.get((yield* CurrentUser).userId, params.id)
      }),
      update: Effect.fnUntraced(function* ({ params, payload }) {
        return yield* webhooks.update(yield* CurrentUser, params.id, payload)
      }),
      delete: Effect.fnUntraced(function* ({ params }) {
        yield* webhooks.delete(yield* CurrentUser, params.id)
        return success
      }),
      test: Effect.fnUntraced(function* ({ params, payload }) {
        return new TestSent(yield* deliveries.sendTest((yield* CurrentUser).userId, params.id, payload?.eventType))
      }),
      rotateSecret: Effect.fnUntraced(function* ({ params, payload }) {
        const secret = payload?.secret === undefined ? undefined : Redacted.make(payload.secret)
        const options = { overlapSeconds: payload?.overlapSeconds ?? overlapSeconds, secret }
        return withSecret(yield* webhooks.rotateSecret(yield* CurrentUser, params.id, options))
      }),
      endOverlap: Effect.fnUntraced(function* ({ params }) {
        return yield* webhooks.endOverlap(yield* CurrentUser, params.id)
      }),
      stats: Effect.fnUntraced(function* ({ params, query }) {
        return yield* usage.of((yield* CurrentUser).userId, params.id, query.range ?? "24h")
      }),
      startReplay: Effect.fnUntraced(function* ({ params, payload }) {
        return yield* replays.start(yield* CurrentUser, params.id, payload)
      }),
      listReplays: Effect.fnUntraced(function* ({ params }) {
        return yield* replays.list((yield* CurrentUser).userId, params.id)
      }),
      getReplay: Effect.fnUntraced(function* ({ params }) {
        return yield* replays.get((yield* CurrentUser).userId, params.id, params.replayId)
      }),
      cancelReplay: Effect.fnUntraced(function* ({ params }) {
        return yield* replays.cancel(yield* CurrentUser, params.id, params.replayId)
      })
    })
  })
)

const withSecret = ({ webhook, secret }: Issued) =>
  new WebhookWithSecret({ ...webhook, secret: Redacted.value(secret) })
