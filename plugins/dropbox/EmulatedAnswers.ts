/** Answers in the shapes of Dropbox's API: unions as JSON, and summaries that end in a number of dots. */
import { type EmulatedAnswer, json } from "nexus-integrations/plugin/testing"

/** The tags of an error, from the outermost on. */
export type Tags = readonly [string, ...ReadonlyArray<string>]

let refused = 0
const dots = () => ".".repeat(refused++ % 4)

/** A union in a union: void members are a tag alone, a struct's members stand beside its tag. */
const union = ([tag, ...inner]: ReadonlyArray<string>, members: object): object => ({
  ".tag": tag,
  ...(tag === undefined || inner.length === 0 ? members : { [tag]: union(inner, members) })
})

/** An endpoint's own refusal. */
export const refusal = (tags: Tags, members: object = {}): EmulatedAnswer =>
  json(409, { error_summary: `${tags.join("/")}/${dots()}`, error: union(tags, members) })

/** The one of `files/upload`, whose `path` is a struct. */
export const uploadRefusal = (reason: Tags): EmulatedAnswer =>
  json(409, {
    error_summary: `path/${reason.join("/")}/${dots()}`,
    error: { ".tag": "path", reason: union(reason, {}), upload_session_id: "pid_upload_session:emulated" }
  })

/** A token that Dropbox refuses. */
export const refusedToken = (tag: string, members: object = {}): EmulatedAnswer =>
  json(
    401,
    { error_summary: `${tag}/${dots()}`, error: union([tag], members) },
    { "www-authenticate": 'Bearer realm="Dropbox-API"' }
  )

/** A request that is none. */
export const badRequest = (route: string, what: string): EmulatedAnswer => ({
  status: 400,
  headers: { "content-type": "text/plain; charset=utf-8" },
  body: `Error in call to API function "${route}": ${what}`
})

export const throttled: EmulatedAnswer = json(
  429,
  { error_summary: "too_many_requests/...", error: { reason: { ".tag": "too_many_requests" }, retry_after: 1 } },
  { "retry-after": "1" }
)

export const unavailable: EmulatedAnswer = {
  status: 503,
  headers: { "content-type": "text/html" },
  body: "<html><title>Dropbox - 503</title></html>"
}
