import type { HttpServerRequest } from "effect/http"
import { HttpApiSchema } from "effect/http-api"
import { defaultLimit } from "../api/Paging.ts"
import type { Page, PageRequest } from "../domain/Page.ts"

/** Which part of a list a request asks for. */
export const pageRequest = (query: {
  readonly limit?: number | undefined
  readonly cursor?: string | undefined
}): PageRequest => ({ limit: query.limit ?? defaultLimit, cursor: query.cursor ?? null })

/** A page as an answer: the items, and the address of the next page in `Link` (RFC 8288). */
export const paged =
  (request: HttpServerRequest.HttpServerRequest) =>
  <A>({ items, next }: Page<A>) =>
    HttpApiSchema.withHeaders({
      body: items,
      headers: next === null ? {} : { link: `<${nextUrl(request.originalUrl, next)}>; rel="next"` }
    })

/** Relative to the host, which a proxy may have changed. */
const nextUrl = (url: string, cursor: string) => {
  const [path = "", query = ""] = url.split("?")
  const parameters = new URLSearchParams(query)
  parameters.set("cursor", cursor)
  return `${path}?${parameters}`
}
