/**
 * A product that has integrations, as a customer builds one: a page of its own on an origin of its own, whose server
 * knows who is signed in and holds their tokens for the service.
 */
import { readFile } from "node:fs/promises"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { Effect } from "effect"
import { DemoFailed } from "./NexusClient.ts"

/** Who can sign in, and where the service is. */
export interface FrontEndOptions {
  /** 0 is any that is free. */
  readonly port: number
  /** The address of the service. */
  readonly api: string
  /** The users' tokens for the service. */
  readonly tokens: Readonly<Record<string, string>>
}

const files: Readonly<Record<string, { readonly name: string; readonly type: string }>> = {
  "/integrations": { name: "index.html", type: "text/html" },
  "/page.js": { name: "page.js", type: "text/javascript" },
  "/page.css": { name: "page.css", type: "text/css" }
}

const advice = "Choose another port: FRONT_END_PORT=4002 npm run demo"

const cookie = "cards-user"

/** Who is signed in. That the cookie is no secret is enough for a demonstration. */
const userOf = ({ headers }: IncomingMessage) => new RegExp(`(?:^|; )${cookie}=([^;]*)`).exec(headers.cookie ?? "")?.[1]

/**
 * Starts it until the scope closes.
 *
 * @returns its origin; `/integrations` at it is the page that people come back to
 */
export const startFrontEnd = Effect.fnUntraced(function* ({ port, api, tokens }: FrontEndOptions) {
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost")
    const policy = `default-src 'self'; img-src data:; connect-src 'self' ${api}; frame-ancestors 'none'`
    const headers = { "cache-control": "no-store", "content-security-policy": policy }
    const file = files[pathname]
    if (file !== undefined) {
      const content = await readFile(new URL(`front-end/${file.name}`, import.meta.url))
      response.writeHead(200, { ...headers, "content-type": `${file.type}; charset=utf-8` }).end(content)
    } else if (pathname === "/me") {
      const user = userOf(request) ?? ""
      const me = { api, users: Object.keys(tokens), user, token: tokens[user] ?? null }
      response.writeHead(200, { ...headers, "content-type": "application/json" }).end(JSON.stringify(me))
    } else if (pathname === "/sign-in" && request.method === "POST") {
      let form = ""
      for await (const chunk of request) form += chunk
      const user = new URLSearchParams(form).get("user") ?? ""
      const known = tokens[user] === undefined ? "" : user
      response
        .writeHead(303, { location: "/integrations", "set-cookie": `${cookie}=${known}; HttpOnly; SameSite=Lax` })
        .end()
    } else response.writeHead(pathname === "/" ? 302 : 404, { location: "/integrations" }).end()
  }
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  yield* Effect.acquireRelease(
    Effect.callback<void, DemoFailed>((resume) => {
      server.once("error", ({ message }) => resume(new DemoFailed({ message: `The front end: ${message}. ${advice}` })))
      server.listen(port, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  )
  const address = server.address()
  return `http://localhost:${typeof address === "object" && address !== null ? address.port : port}`
})
