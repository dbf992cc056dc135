import { Effect, Option, Schema } from "effect"
import type { HttpClientResponse } from "effect/http"
import {
  failureOf,
  forbidden,
  misconfigured,
  type ProviderError,
  quotaExhausted,
  unauthorized
} from "nexus-integrations/plugin"

/** The error of a whole request. */
const ZohoError = Schema.fromJsonString(
  Schema.Struct({ code: Schema.optionalKey(Schema.String), message: Schema.optionalKey(Schema.String) })
)

const decode = Schema.decodeOption(ZohoError)

/**
 * What a failed answer means, as the value to fail with.
 *
 * @param scope what the token needs for the request
 */
export const readFailure = (
  answer: HttpClientResponse.HttpClientResponse,
  scope: string
): Effect.Effect<ProviderError> =>
  answer.text.pipe(
    Effect.orElseSucceed(() => ""),
    Effect.map((body) => {
      const { code = "", message } = Option.getOrElse(decode(body), (): typeof ZohoError.Type => ({}))
      return failureOfCode(answer.status, code, message ?? `Zoho CRM answered with status ${answer.status}`, scope)
    })
  )

/** Allowances of the account: of API calls, records, and storage. */
export const allowances = new Set(["LIMIT_EXCEEDED", "LIMIT_REACHED", "STORAGE_SPACE_EXCEEDED", "TOO_MANY_REQUESTS"])

const failureOfCode = (status: number, code: string, detail: string, scope: string): ProviderError => {
  // Documented under 401 and under 403.
  if (code === "OAUTH_SCOPE_MISMATCH") return forbidden("The access token lacks a scope", `the scope ${scope}`)
  if (code === "NO_PERMISSION" || code === "AUTHORIZATION_FAILED") {
    return forbidden(detail, "a role and profile in Zoho CRM that may do this")
  }
  // A token of another data centre is not known either.
  if (status === 401) {
    return unauthorized(
      "The access token is wrong, has ended (one lasts an hour), or belongs to another API domain than the one given"
    )
  }
  if (allowances.has(code)) return quotaExhausted(detail, null)
  if (status === 404 || (status >= 300 && status < 400)) {
    return misconfigured("This API domain does not have the API of Zoho CRM, or the account lacks the module Contacts")
  }
  return failureOf(status, detail)
}
