/** What Dropbox says when it refuses something, in the shapes that its API specification and recordings have. */
import { Option, Predicate, Schema } from "effect"
import {
  failureOf,
  forbidden,
  misconfigured,
  type ProviderError,
  rejected,
  unauthorized,
  unavailable
} from "nexus-integrations/plugin"

/** What the body of a failed answer says; nothing of it where it is no JSON. */
export interface Said {
  /** From the outermost on: `path`, `conflict`, `file`. An open union may have others tomorrow. */
  readonly tags: ReadonlyArray<string>
  /** Where an upload session is. */
  readonly correctOffset: number | undefined
  readonly requiredScope: string | undefined
  /** Seconds to wait. */
  readonly retryAfter: number | undefined
  /** For the user, where there are words. */
  readonly words: string | undefined
}

/** An endpoint's own refusal, with status 409. Its caller may know how to go on. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", {
  tags: Schema.Array(Schema.String),
  correctOffset: Schema.UndefinedOr(Schema.Finite),
  words: Schema.UndefinedOr(Schema.String)
}) {
  /** Whether these are its tags, from the outermost on; there may be more. */
  is(...tags: ReadonlyArray<string>): boolean {
    return tags.every((tag, index) => this.tags[index] === tag)
  }
}

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))

/** No error has more unions in one another. */
const deepest = 5

/**
 * A union is its tag, with a struct's members beside it and any other value under the tag's name; it is under `reason`
 * in `files/upload` and where requests are throttled. `error_summary` is for people and ends in random dots.
 */
const layersOf = (error: unknown): ReadonlyArray<object> => {
  const layers: Array<object> = []
  let layer = error
  while (Predicate.isObject(layer) && layers.length < deepest) {
    layers.push(layer)
    const tag = member(layer, ".tag")
    layer = (typeof tag === "string" ? member(layer, tag) : undefined) ?? member(layer, "reason")
    if (typeof layer === "string") layer = { ".tag": layer }
  }
  return layers
}

const member = (of: unknown, name: string): unknown => (Predicate.hasProperty(of, name) ? of[name] : undefined)

/** Reads the body of a failed answer. */
export const read = (body: string): Said => {
  const said = Option.getOrUndefined(decode(body))
  const error = member(said, "error")
  const layers = layersOf(typeof error === "string" ? { ".tag": error } : error)
  const one = <A>(name: string, is: (value: unknown) => value is A): A | undefined =>
    layers.map((layer) => member(layer, name)).find(is)
  const words = member(member(said, "user_message"), "text")
  return {
    tags: layers.map((layer) => member(layer, ".tag")).filter(Predicate.isString),
    correctOffset: one("correct_offset", Predicate.isNumber),
    requiredScope: one("required_scope", Predicate.isString),
    retryAfter: one("retry_after", Predicate.isNumber),
    words: typeof words === "string" && words.trim() !== "" ? words : undefined
  }
}

/** The meaning of any failed answer but an endpoint's own refusal. */
export const failureOfAnswer = (status: number, body: string): ProviderError => {
  const { tags, requiredScope, words } = read(body)
  const [tag] = tags
  const detail = words ?? `Dropbox answered with status ${status}`
  // That the app itself lacks a scope is said in plain text, with status 400.
  const scope = requiredScope ?? /required scope '([\w.]+)'/.exec(body)?.[1]
  if ((status === 400 || status === 401) && scope !== undefined) {
    return forbidden(`Dropbox doesn't let this connection do that: it lacks the scope ${scope}`, `the scope ${scope}`)
  }
  if (status === 401) return failureOfToken(tag, detail)
  if (status === 403) return forbidden(detail, access[tag ?? ""] ?? "permission")
  if (status === 400) return rejected(plain(body) ?? detail)
  return failureOf(status, detail)
}

const failureOfToken = (tag: string | undefined, detail: string): ProviderError => {
  if (tag === "expired_access_token") return expired
  if (tag === "invalid_access_token") return unauthorized("The access token is wrong or was revoked")
  if (tag === "missing_scope") return forbidden("The connection lacks a scope", "a scope of the app")
  if (tag === "user_suspended") return forbidden("The Dropbox account is suspended", "an account that is active")
  if (tag === "route_access_denied") return forbidden("Dropbox doesn't let the app do that", "permission for the app")
  return unauthorized(detail)
}

/** AccessError. */
const access: Readonly<Record<string, string>> = {
  invalid_account_type: "another kind of Dropbox account",
  paper_access_denied: "access to Paper",
  team_access_denied: "access to the team"
}

/** What a plain text says; undefined for a page of HTML, or JSON. */
const plain = (body: string): string | undefined => {
  const text = body.trim()
  return text === "" || /^[<{["]/.test(text) ? undefined : `Dropbox refused the request: ${text}`
}

/** What a refusal means where its endpoint's caller knows no way on. */
export const failureOfRefusal = (refusal: Refused): ProviderError => {
  const known = [...refusal.tags].reverse().flatMap((tag) => refusals[tag] ?? [])[0]
  if (known !== undefined) return known()
  return rejected(refusal.words ?? `Dropbox refused it (${refusal.tags.join(", ") || "it doesn't say why"})`)
}

const badName = () => misconfigured("Dropbox takes no file or folder of that name: choose another folder")
const noAccess = () => forbidden("Dropbox doesn't let you write to that folder", "permission to write to the folder")

/** By the innermost tag that is here: of LookupError, WriteError and WriteConflictError, UploadError and the sessions'. */
const refusals: Readonly<Record<string, () => ProviderError>> = {
  insufficient_space: () =>
    misconfigured("Your Dropbox is full: free some space in it, or get more of it, and try again"),
  no_write_permission: noAccess,
  access_restricted: noAccess,
  restricted_content: noAccess,
  team_folder: () => misconfigured("The folder belongs to a Dropbox team: choose another folder"),
  malformed_path: badName,
  disallowed_name: badName,
  file_ancestor: () => misconfigured("The folder can't be made, as a file in Dropbox has its name: choose another"),
  not_folder: () => misconfigured("The folder is a file in Dropbox: choose another"),
  folder: () => misconfigured("A folder in Dropbox has the name of the file: rename it, or choose another folder"),
  too_large: () => rejected("The file is larger than Dropbox takes"),
  payload_too_large: () => rejected("The file is larger than Dropbox takes"),
  content_hash_mismatch: () => damaged,
  operation_suppressed: () => unavailable("Dropbox doesn't allow that at this time"),
  // The cursor of a listing is too old.
  reset: () => unavailable("Dropbox changed while it was read"),
  internal_error: () => unavailable("Dropbox has a fault of its own")
}

/** A refresh is the way out. */
export const expired = unauthorized("The access token has expired")

/** What came to Dropbox is something else than what was sent. */
export const damaged = unavailable("The file came across damaged")
