import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentUser } from "../api/Authentication.ts"
import { Events } from "../outbox/Events.ts"
import { EventTypes } from "../outbox/EventTypes.ts"
import { memberText } from "../outbox/RawJson.ts"

export const EventsHandlers = HttpApiBuilder.group(
  Api,
  "events",
  Effect.fn(function* (handlers) {
    const events = yield* Events
    const eventTypes = yield* EventTypes

    return handlers.handleAll({
      emit: Effect.fnUntraced(function* ({ payload, headers, request }) {
        // The payload was decoded already, so there is one; its text is what is stored.
        const text = memberText(yield* Effect.orDie(request.text), "payload")
        return yield* events.emit({
          userId: (yield* CurrentUser).userId,
          eventType: payload.eventType,
          payload: text ?? JSON.stringify(payload.payload),
          idempotencyKey: headers["idempotency-key"],
          traceparent: headers.traceparent
        })
      }),
      listTypes: () => eventTypes.list,
      createType: Effect.fnUntraced(function* ({ payload }) {
        return yield* eventTypes.create(yield* CurrentUser, payload)
      })
    })
  })
)
