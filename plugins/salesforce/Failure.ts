import { Effect, Option, Schema } from "effect"
import type { HttpClientResponse } from "effect/http"
import { failureOf, forbidden, misconfigured, type ProviderError, unauthorized } from "nexus-integrations/plugin"

/** The errors of a whole request: a list, and `errorCode` where the errors of a record have `statusCode`. */
const RequestErrors = Schema.Array(
  Schema.Struct({ errorCode: Schema.optionalKey(Schema.String), message: Schema.optionalKey(Schema.String) })
)

/** Reads the errors of a request; none from a page of HTML or anything else that can't be read. */
export const decodeErrors = Schema.decodeOption(Schema.fromJsonString(RequestErrors))

/** What a failed answer means, as the value to fail with. */
export const readFailure = (answer: HttpClientResponse.HttpClientResponse): Effect.Effect<ProviderError> =>
  answer.text.pipe(
    Effect.orElseSucceed(() => ""),
    Effect.map((body) => {
      const [error] = Option.getOrElse(decodeErrors(body), () => [])
      // A host that is no org, or one that moved, answers with pages and redirects.
      const isPage = answer.status < 400 || answer.headers["content-type"]?.includes("text/html") === true
      if (isPage && answer.status < 500 && answer.status !== 401)
        return misconfigured("This is not the address of an active org")
      return failureOfError(answer.status, error?.errorCode ?? "", error?.message ?? "")
    })
  )

const failureOfError = (status: number, code: string, message: string): ProviderError => {
  const detail = message === "" ? `Salesforce answered with status ${status}` : firstLine(message)
  if (status === 401) return refused(message)
  if (/^API_(CURRENTLY_)?DISABLED/.test(code)) return forbidden(detail, "an edition or a user with access to the API")
  if (/^INSUFFICIENT_ACCESS/.test(code)) return forbidden(detail, "permission to read and edit these records")
  // An object that the user may not see does not exist for them; a field neither.
  if (code === "INVALID_TYPE") return forbidden(detail, "access to the object")
  if (code === "INVALID_FIELD") return misconfigured(column(message))
  if (status === 404 && code !== "") {
    return misconfigured("The org does not know this resource: check the API version and the external id field")
  }
  return failureOf(status, detail)
}

const refused = (message: string): ProviderError => {
  // Neither is cured by a fresh token (what jsforce does not refresh for).
  if (message.includes("not valid for use with the REST API")) {
    return forbidden("The access token is not for the REST API", "the scope api")
  }
  if (message.includes("not attached to Agent")) {
    return forbidden("The connected app is not attached to an agent", "a connected app that is attached to the agent")
  }
  return unauthorized("The access token is wrong, or its session has expired")
}

/** Messages about queries quote them, with the addresses in them, before they come to the point. */
const column = (message: string): string =>
  /No such column '\w+' on \w+ '\w+'/.exec(message)?.[0] ?? "Salesforce does not know one of the mapped fields"

const firstLine = (message: string): string => message.trim().split("\n")[0] ?? ""
