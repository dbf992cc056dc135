/** What Drive answers when it refuses, and what it means. */
import { Effect, Option, Schema } from "effect"
import type { HttpClientResponse } from "effect/http"
import { failureOf, forbidden, misconfigured, type ProviderError, unauthorized } from "nexus-integrations/plugin"
import { scope } from "./OAuth.ts"

const text = Schema.optionalKey(Schema.String)

/** The envelope of all errors (guide "Resolve errors"), of which every part may be missing. */
const Envelope = Schema.fromJsonString(
  Schema.Struct({
    error: Schema.Struct({
      message: text,
      status: text,
      errors: Schema.optionalKey(Schema.Array(Schema.Struct({ reason: text, message: text, location: text }))),
      details: Schema.optionalKey(Schema.Array(Schema.Struct({ reason: text })))
    })
  })
)
const decode = Schema.decodeOption(Envelope)
const nothing: typeof Envelope.Type = { error: {} }

export interface DriveError {
  readonly status: number
  /** Drive's names of what is wrong, such as `storageQuotaExceeded`. */
  readonly reasons: ReadonlyArray<string>
  /** For people. */
  readonly message: string | undefined
}

/** Reads an error. A gateway's page, or an envelope that has changed, says nothing but its status. */
export const errorOf = (status: number, body: string): DriveError => {
  const { error } = Option.getOrElse(decode(body), () => nothing)
  const { message, status: name, errors = [], details = [] } = error
  return {
    status,
    reasons: [...errors, ...details, { reason: name }].flatMap(({ reason }) => reason ?? []),
    message: message ?? errors.find(({ message }) => message !== undefined)?.message
  }
}

export const readError = (answer: HttpClientResponse.HttpClientResponse): Effect.Effect<DriveError> =>
  answer.text.pipe(
    Effect.orElseSucceed(() => ""),
    Effect.map((body) => errorOf(answer.status, body))
  )

const noScope = () =>
  forbidden(
    "The access that was granted does not include Google Drive. Connect again, and leave its box ticked",
    `the scope ${scope}`
  )
const limit = (what: string) => () => misconfigured(`Google Drive makes no more files: ${what}`)

/** Refusals that another try would meet again, by their reason (guide "Resolve errors"). */
const refusals: Readonly<Record<string, (detail: string) => ProviderError>> = {
  storageQuotaExceeded: () =>
    misconfigured("Your Google Drive is full. Free some space, or get more, and start the export again"),
  insufficientPermissions: noScope,
  ACCESS_TOKEN_SCOPE_INSUFFICIENT: noScope,
  domainPolicy: () =>
    forbidden(
      "The administrators of your organisation do not allow apps to use Google Drive",
      "the administrators' permission for Drive apps"
    ),
  insufficientFilePermissions: (detail) => forbidden(detail, "permission to write to the folder"),
  appNotAuthorizedToFile: (detail) => forbidden(detail, "access to the folder or the file; connect again"),
  accessNotConfigured: () =>
    misconfigured("The Google Drive API is not enabled in the Google Cloud project of the OAuth client"),
  activeItemCreationLimitExceeded: limit("the account has as many as it can"),
  myDriveHierarchyDepthLimitExceeded: limit("the folder lies too deep. Move it up"),
  teamDriveHierarchyTooDeep: limit("the folder lies too deep. Move it up"),
  teamDriveFileLimitExceeded: limit("the shared drive that the folder was moved to has as many as it can")
}

/** A refusal that is known to last, or undefined. */
export const refusalOf = ({ status, reasons, message }: DriveError): ProviderError | undefined => {
  if (status !== 403) return undefined
  const detail = message ?? "Google Drive does not allow it"
  const known = reasons.find((reason) => Object.hasOwn(refusals, reason))
  return known === undefined ? undefined : refusals[known]?.(detail)
}

/** What an error means for whoever asked. */
export const failureOfError = (error: DriveError): ProviderError => {
  const { status, message } = error
  if (status === 401) return unauthorized("Google no longer accepts the access token")
  return refusalOf(error) ?? failureOf(status, message ?? `Google Drive answered with status ${status}`)
}
