/** What plugins need to read answers with. */
import { Effect, type Schema } from "effect"
import { HttpClientResponse } from "effect/http"
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
