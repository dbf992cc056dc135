import { Array as Arr, Effect } from "effect"
import type { WebhookPatch } from "../domain/Webhook.ts"
import { InvalidWebhook } from "../domain/WebhookErrors.ts"
import { Egress } from "../egress/Egress.ts"
import { WebhookRepo } from "./WebhookRepo.ts"

/**
 * Checks what only this installation knows: which event types there are, and where it may send to. Asks DNS, so keep it
 * out of transactions.
 */
export const makeWebhookRules = Effect.gen(function* () {
  const repo = yield* WebhookRepo
  const egress = yield* Egress

  return Effect.fnUntraced(function* ({ url, events }: Pick<WebhookPatch, "url" | "events">) {
    const known = new Set(events === undefined ? [] : ["*", ...(yield* repo.eventTypes)])
    const unknown = (events ?? []).flatMap((name, index) =>
      known.has(name) ? [] : [{ path: `events.${index}`, message: `There is no event type ${JSON.stringify(name)}` }]
    )
    const forbidden =
      url === undefined
        ? []
        : yield* egress.check(url).pipe(
            Effect.as([]),
            Effect.catchTag("ForbiddenUrl", ({ message }) => Effect.succeed([{ path: "url", message }]))
          )
    const errors = [...forbidden, ...unknown]
    if (Arr.isReadonlyArrayNonEmpty(errors)) return yield* new InvalidWebhook({ errors })
  })
})
