/** How Drive answers: its errors (guide "Resolve errors"), and as many members of a resource as `fields` asks for. */
import { type EmulatedAnswer, json } from "nexus-integrations/plugin/testing"

const refusal = (
  code: number,
  domain: string,
  reason: string,
  message: string,
  location?: { readonly locationType: string; readonly location: string }
): EmulatedAnswer => json(code, { error: { errors: [{ domain, reason, message, ...location }], code, message } })

export const refusals = {
  unauthorized: refusal(401, "global", "authError", "Invalid Credentials", {
    locationType: "header",
    location: "Authorization"
  }),
  noScope: json(403, {
    error: {
      code: 403,
      message: "Request had insufficient authentication scopes.",
      errors: [{ message: "Insufficient Permission", domain: "global", reason: "insufficientPermissions" }],
      status: "PERMISSION_DENIED",
      details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "ACCESS_TOKEN_SCOPE_INSUFFICIENT" }]
    }
  }),
  full: refusal(403, "global", "storageQuotaExceeded", "The user's Drive storage quota has been exceeded."),
  rate: refusal(403, "usageLimits", "rateLimitExceeded", "Rate Limit Exceeded"),
  userRate: refusal(403, "usageLimits", "userRateLimitExceeded", "User Rate Limit Exceeded"),
  tooMany: refusal(429, "usageLimits", "rateLimitExceeded", "Rate Limit Exceeded"),
  daily: refusal(403, "usageLimits", "dailyLimitExceeded", "Daily Limit Exceeded"),
  backend: refusal(500, "global", "backendError", "Backend Error"),
  noFields: refusal(400, "global", "required", "The 'fields' parameter is required for this method.", {
    locationType: "parameter",
    location: "fields"
  }),
  idInUse: refusal(409, "global", "fileIdInUse", "A file already exists with the provided ID."),
  idUnusable: refusal(400, "global", "invalid", "The provided file ID is not usable.", {
    locationType: "other",
    location: "file.id"
  }),
  sessionOver: { status: 404, headers: { "content-type": "text/html" }, body: "Not Found" }
} as const satisfies Record<string, EmulatedAnswer>

export const notFound = (id: string) =>
  refusal(404, "global", "notFound", `File not found: ${id}.`, { locationType: "parameter", location: "fileId" })

export const badRequest = (message: string, location?: string) =>
  refusal(
    400,
    "global",
    "badRequest",
    message,
    location === undefined ? undefined : { locationType: "parameter", location }
  )

export const forbidden = (reason: string, message: string) => refusal(403, "global", reason, message)

/** Leaves the members of a resource that `fields` names: `id,name`, `user(displayName),storageQuota/limit`, `*`. */
export const masked = (resource: unknown, fields: string): unknown => {
  if (Array.isArray(resource)) return resource.map((one) => masked(one, fields))
  if (typeof resource !== "object" || resource === null) return resource
  const wanted = partsOf(fields)
  if (wanted.some(({ name }) => name === "*")) return resource
  return Object.fromEntries(
    Object.entries(resource).flatMap(([name, value]) => {
      const within = wanted.filter((part) => part.name === name).map(({ within }) => within)
      if (within.length === 0) return []
      return [[name, within.includes("") ? value : masked(value, within.join(","))]]
    })
  )
}

/** The parts between commas that stand in no parentheses. */
const partsOf = (fields: string): ReadonlyArray<{ readonly name: string; readonly within: string }> => {
  const parts: Array<string> = [""]
  let depth = 0
  for (const character of fields) {
    if (character === "(") depth++
    if (character === ")") depth--
    if (character === "," && depth === 0) parts.push("")
    else parts[parts.length - 1] += character
  }
  return parts.map((part) => {
    const [, name = "", inParentheses, behindSlash] = /^\s*([\w*]+)(?:\((.*)\)|\/(.*))?\s*$/s.exec(part) ?? []
    return { name, within: inParentheses ?? behindSlash ?? "" }
  })
}
