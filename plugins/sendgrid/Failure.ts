import { Effect, Schema } from "effect"
import type { HttpClientResponse } from "effect/http"
import { failureOf, forbidden, type ProviderError, quotaExhausted, rejected } from "nexus-integrations/plugin"

const Faults = Schema.Struct({
  errors: Schema.Array(
    Schema.Struct({
      message: Schema.optionalKey(Schema.String),
      field: Schema.optionalKey(Schema.NullOr(Schema.String))
    })
  )
})

const decode = Schema.decodeUnknownEffect(Faults)

/** Words of SendGrid's for a plan that is full (sendgrid/sendgrid-go#413). */
export const isFull = (said: string): boolean => /contact limit/i.test(said)

/** `QuotaExhausted`, with what SendGrid `said`. */
export const full = (said: string): ProviderError =>
  quotaExhausted(`The SendGrid plan has no room for more contacts: ${said}`, null)

/** What a failed answer means, as the value to fail with. */
export const readFailure = (answer: HttpClientResponse.HttpClientResponse): Effect.Effect<ProviderError> =>
  answer.json.pipe(
    Effect.flatMap(decode),
    Effect.orElseSucceed((): typeof Faults.Type => ({ errors: [] })),
    Effect.map(({ errors }) => {
      const messages = errors.flatMap(({ message }) => message ?? [])
      const said =
        messages.length === 0 ? `SendGrid answered with status ${answer.status}` : messages.slice(0, 5).join("; ")
      if (isFull(said)) return full(said)
      if (answer.status === 403) return forbidden(said, "full access to Marketing for the API key")
      const field = errors[0]?.field
      return answer.status === 400 && field ? rejected(said, field) : failureOf(answer.status, said)
    })
  )
