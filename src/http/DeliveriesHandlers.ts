import { DateTime, Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentUser } from "../api/Authentication.ts"
import { success } from "../api/Paging.ts"
import { Deliveries } from "../webhooks/Deliveries.ts"
import { paged, pageRequest } from "./Links.ts"

export const DeliveriesHandlers = HttpApiBuilder.group(
  Api,
  "deliveries",
  Effect.fn(function* (handlers) {
    const deliveries = yield* Deliveries

    return handlers.handleAll({
      list: Effect.fnUntraced(function* ({ params, query, request }) {
        const { status, eventType, since, until } = query
        const filter = {
          status,
          eventType,
          since: since && DateTime.toDateUtc(since),
          until: until && DateTime.toDateUtc(until)
        }
        const { userId } = yield* CurrentUser
        return paged(request)(yield* deliveries.list(userId, params.id, filter, pageRequest(query)))
      }),
      get: Effect.fnUntraced(function* ({ params }) {
        return yield* deliveries.get((yield* CurrentUser).userId, params.id, params.deliveryId)
      }),
      retry: Effect.fnUntraced(function* ({ params }) {
        yield* deliveries.retry((yield* CurrentUser).userId, params.id, params.deliveryId)
        return success
      })
    })
  })
)
