import { Effect } from "effect"
import { TestApi } from "./TestApi.ts"

/** A cookie as a server set it. */
export interface KeptCookie {
  readonly value: string
  /** Names in lower case; empty for one without a value. */
  readonly attributes: Readonly<Record<string, string>>
}

export interface Visit {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** What a browser does: it keeps cookies and sends them along, and is told where to go next. */
export const openBrowser = Effect.map(TestApi, ({ url }) => {
  const cookies = new Map<string, KeptCookie>()
  return {
    cookies,
    /** Asks at a path, or at the path of a URL of the service as the outside knows it. Follows nothing. */
    visit: (address: string, { method = "GET", headers = {}, body }: Visit = {}) =>
      Effect.promise(async () => {
        const path = address.replace(/^https?:\/\/[^/]+/, "")
        const cookie = Array.from(cookies, ([name, { value }]) => `${name}=${value}`).join("; ")
        const response = await fetch(url + path, {
          method,
          redirect: "manual",
          headers: {
            ...(cookie === "" ? {} : { cookie }),
            ...(body === undefined ? {} : { "content-type": "application/json" }),
            ...headers
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) })
        })
        for (const line of response.headers.getSetCookie()) keep(cookies, line)
        const text = await response.text()
        const isJson = /json/.test(response.headers.get("content-type") ?? "")
        return {
          status: response.status,
          headers: response.headers,
          location: response.headers.get("location") ?? "",
          text,
          json: isJson ? JSON.parse(text) : undefined
        }
      })
  }
})

/** The first cookie of this name, or of one that only its own value follows in. */
export const cookieOf = (cookies: ReadonlyMap<string, KeptCookie>, name: string) =>
  Array.from(cookies).find(([one]) => one === name || one.startsWith(`${name}.`))?.[1]

const keep = (cookies: Map<string, KeptCookie>, line: string) => {
  const [pair = "", ...rest] = line.split(";").map((part) => part.trim())
  const attributes = Object.fromEntries(
    rest.map((part) => {
      const [name = "", value = ""] = part.split("=")
      return [name.toLowerCase(), value]
    })
  )
  const name = pair.slice(0, pair.indexOf("="))
  if (attributes["max-age"] === "0") cookies.delete(name)
  else cookies.set(name, { value: pair.slice(name.length + 1), attributes })
}
