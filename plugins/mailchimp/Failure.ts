import { Effect, Schema } from "effect"
import type { HttpClientResponse } from "effect/http"
import { failureOf, forbidden, type ProviderError, rejected } from "nexus-integrations/plugin"

/** Mailchimp's problem document (RFC 7807), of which any part may be missing, as in a page of its CDN. */
const Problem = Schema.Struct({
  title: Schema.optionalKey(Schema.String),
  detail: Schema.optionalKey(Schema.String),
  errors: Schema.optionalKey(
    Schema.Array(
      Schema.Struct({ field: Schema.optionalKey(Schema.String), message: Schema.optionalKey(Schema.String) })
    )
  )
})
type Problem = typeof Problem.Type

const decode = Schema.decodeUnknownEffect(Problem)

/** What a failed answer means, as the value to fail with. */
export const readFailure = (answer: HttpClientResponse.HttpClientResponse): Effect.Effect<ProviderError> =>
  answer.json.pipe(
    Effect.flatMap(decode),
    Effect.orElseSucceed((): Problem => ({})),
    Effect.map((problem) => failureOfProblem(answer.status, problem))
  )

const failureOfProblem = (status: number, { title, detail, errors = [] }: Problem): ProviderError => {
  const said = detail ?? title ?? `Mailchimp answered with status ${status}`
  if (status === 403) {
    // Titles of the errors page: "User Disabled", "Forbidden", and for features of a larger plan an authorization failure.
    return forbidden(
      said,
      title === "User Disabled" ? "an account that is active" : "access for the key's user, or a plan with it"
    )
  }
  if (status < 400 || status >= 500 || errors.length === 0) return failureOf(status, said)
  const reasons = errors.map(({ field, message }) => [field, message].filter(Boolean).join(": ")).filter(Boolean)
  const whole = reasons.length === 0 ? said : `${said} ${reasons.slice(0, 5).join("; ")}`
  const field = errors[0]?.field
  return status === 400 && field !== undefined && field !== "" ? rejected(whole, field) : failureOf(status, whole)
}
