/** What plugins need to read answers with. */
import { DateTime, Duration, Effect, Option, type Schema } from "effect"
import { HttpClientResponse } from "effect/http"
import type { Answer, Throttle } from "./Provider.ts"
import { forbidden, misconfigured, type ProviderError, rejected, unauthorized, unavailable } from "./ProviderError.ts"

/** Decodes the JSON of an answer. One that can't be read is the provider's fault: `Unavailable`. */
export const readJson =
  <A>(schema: Schema.Codec<A, unknown>) =>
  (answer: HttpClientResponse.HttpClientResponse): Effect.Effect<A, ProviderError> =>
    HttpClientResponse.schemaBodyJson(schema)(answer).pipe(
      Effect.mapError(() => unavailable(`The answer (status ${answer.status}) is not what its API promises`))
    )

/**
 * What a failed answer means by its status alone, for answers that a plugin knows no better: 401 `Unauthorized`, 403
 * `Forbidden`, 404 and 405 `Misconfigured`, 408, 423, 425, 429 and 5xx `Unavailable`, the rest `Rejected`.
 *
 * @param detail what the provider said, in plain words
 */
export const failureOf = (status: number, detail: string): ProviderError => {
  if (status === 401) return unauthorized(detail)
  if (status === 403) return forbidden(detail, "permission")
  if (status === 404 || status === 405) return misconfigured(detail)
  if (status >= 500 || [408, 423, 425, 429].includes(status)) return unavailable(detail)
  return rejected(detail)
}

/**
 * What the header `Retry-After` of a throttled answer asks for, in seconds or as a time of day (RFC 9110, section
 * 10.2.3), to be spread into a `Throttle`. Nothing where there is no such header, or it says neither.
 */
export const retryAfter = ({ headers }: Pick<Answer, "headers">, now: DateTime.Utc): Pick<Throttle, "retryAfter"> => {
  const asked = headers["retry-after"]?.trim() ?? ""
  if (/^\d+(\.\d+)?$/.test(asked)) return { retryAfter: Duration.seconds(Number(asked)) }
  return Option.match(/[A-Za-z]/.test(asked) ? DateTime.make(asked) : Option.none(), {
    onNone: () => ({}),
    onSome: (until) => ({ retryAfter: Duration.max(DateTime.distance(now, until), Duration.zero) })
  })
}
