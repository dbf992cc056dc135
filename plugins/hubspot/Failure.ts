import { Effect, Schema } from "effect"
import type { HttpClientResponse } from "effect/http"
import { failureOf, forbidden, type ProviderError, unauthorized } from "nexus-integrations/plugin"

/** HubSpot's error envelope, of which every part may be missing (error handling page). */
export const HubSpotError = Schema.Struct({
  message: Schema.optionalKey(Schema.String),
  category: Schema.optionalKey(Schema.String),
  context: Schema.optionalKey(Schema.Record(Schema.String, Schema.Array(Schema.Unknown))),
  errors: Schema.optionalKey(
    Schema.Array(
      Schema.Struct({
        message: Schema.optionalKey(Schema.String),
        in: Schema.optionalKey(Schema.String),
        context: Schema.optionalKey(Schema.Record(Schema.String, Schema.Array(Schema.Unknown)))
      })
    )
  )
})
export type HubSpotError = typeof HubSpotError.Type

const decode = Schema.decodeUnknownEffect(HubSpotError)

/** What a failed answer means, as the value to fail with. */
export const readFailure = (answer: HttpClientResponse.HttpClientResponse): Effect.Effect<ProviderError> =>
  answer.json.pipe(
    Effect.flatMap(decode),
    // A gateway's page, or an envelope that has changed: the status says enough.
    Effect.orElseSucceed((): HubSpotError => ({})),
    Effect.map((error) => failureOfError(answer.status, error))
  )

const failureOfError = (status: number, error: HubSpotError): ProviderError => {
  const detail = error.message ?? `HubSpot answered with status ${status}`
  if (error.category === "EXPIRED_AUTHENTICATION") return unauthorized("The access token has expired")
  if (status === 403) return forbidden(detail, missingScopes(error))
  return failureOf(status, detail)
}

const missingScopes = ({ context, errors = [] }: HubSpotError): string => {
  const scopes = [context, ...errors.map(({ context }) => context)].flatMap((found) => [
    ...(found?.missingScopes ?? []),
    ...(found?.requiredScopes ?? [])
  ])
  return scopes.length === 0 ? "a scope of the private app" : `the scope ${scopes.map(String).join(", ")}`
}
