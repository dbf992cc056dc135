import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentUser } from "../api/Authentication.ts"
import { success } from "../api/Paging.ts"
import { DeadLetters } from "../outbox/DeadLetters.ts"
import { paged, pageRequest } from "./Links.ts"

export const DeadLettersHandlers = HttpApiBuilder.group(
  Api,
  "deadLetters",
  Effect.fn(function* (handlers) {
    const deadLetters = yield* DeadLetters

    return handlers.handleAll({
      list: ({ query, request }) => Effect.map(deadLetters.list(pageRequest(query)), paged(request)),
      get: ({ params }) => deadLetters.get(params.id),
      retry: Effect.fnUntraced(function* ({ params }) {
        yield* deadLetters.retry(yield* CurrentUser, params.id)
        return success
      })
    })
  })
)
