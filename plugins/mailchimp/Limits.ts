import { Option, Schema } from "effect"
import type { Answer, Limits } from "nexus-integrations/plugin"

const isObject = (body: string) =>
  Option.isSome(Schema.decodeOption(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))(body))

/**
 * Ten connections at once for a user, over all keys and applications; half of them are left to the others. The next one
 * gets 429, in bad times 403 without a JSON body, and never a time to wait (rate limits page). A call that timed out
 * may go on and hold its connection, another reason to stay below.
 */
export const limits: Limits = {
  concurrency: 5,
  throttled: ({ status, body }: Answer) =>
    status === 429 || (status === 403 && !isObject(body)) ? { kind: "rate" } : undefined
}
