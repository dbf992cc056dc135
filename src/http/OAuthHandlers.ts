import { Effect, Option, Redacted } from "effect"
import { type HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentUser } from "../api/Authentication.ts"
import { Forbidden } from "../api/RequestErrors.ts"
import { NewOAuthAttempt } from "../domain/OAuthAttempt.ts"
import { OAuthFlows, type Returned } from "../oauth/OAuthFlows.ts"
import { makeRandomToken } from "../vault/RandomToken.ts"
import { type CookieKind, readCookie, readCookies, setCookie } from "./BrowserCookies.ts"
import { BrowserSessions } from "./BrowserSessions.ts"
import { RequestLimits } from "./RequestLimits.ts"
import { resultPage } from "./ResultPage.ts"
import { Site } from "./Site.ts"
import { enforce } from "./UserRateLimit.ts"

/** Seconds that a browser is known by, as long as an attempt lasts. */
const bindingSeconds = 600
const bindings = ["oauth", "elsewhere"] as const

export const OAuthHandlers = HttpApiBuilder.group(
  Api,
  "oauth",
  Effect.fn(function* (handlers) {
    const flows = yield* OAuthFlows
    const sessions = yield* BrowserSessions
    const limits = yield* RequestLimits
    const site = yield* Site
    const randomToken = yield* makeRandomToken

    /** What this browser is known by. One that has such a cookie keeps it, as another tab may be on its way. */
    const bind = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest, kind: CookieKind) {
      const known = readCookie(request, kind, site)
      const browser = known === undefined ? yield* randomToken : Redacted.make(known)
      yield* setCookie(kind, Redacted.value(browser), bindingSeconds, site)
      return browser
    })

    return handlers.handleAll({
      attempt: Effect.fnUntraced(function* ({ params }) {
        return yield* flows.attempt((yield* CurrentUser).userId, params.id)
      }),
      begin: Effect.fnUntraced(function* ({ params, query, request }) {
        yield* notFromElsewhere(request, yield* CurrentUser)
        const browser = yield* bind(request, "oauth")
        return yield* flows.authorize(yield* CurrentUser, params.slug, new NewOAuthAttempt(query), browser).pipe(
          Effect.map(({ url }) => HttpServerResponse.redirect(url)),
          Effect.catchIf(
            (error) => error._tag === "OAuthNotConfigured" && query.returnUrl !== undefined,
            ({ message }) => Effect.succeed(goBack(query.returnUrl ?? "", { outcome: "not_configured", message }))
          )
        )
      }),
      authorize: Effect.fnUntraced(function* ({ params, payload = new NewOAuthAttempt({}), request }) {
        const isElsewhere = site.isSecure && request.headers["sec-fetch-site"] === "cross-site"
        const browser = yield* bind(request, isElsewhere ? "elsewhere" : "oauth")
        return yield* flows.authorize(yield* CurrentUser, params.slug, payload, browser)
      }),
      callback: Effect.fnUntraced(function* ({ params, request }) {
        const address = Option.getOrNull(request.remoteAddress)
        yield* enforce(yield* limits.ofAddress(address))
        const cookie = readCookie(request, "session", site)
        const signedIn = cookie === undefined ? undefined : yield* sessions.find(cookie)
        const returned = yield* flows.complete(params.slug, {
          parameters: new URLSearchParams(request.url.replace(/^[^?]*\??/, "")),
          browsers: bindings.flatMap((kind) => readCookies(request, kind, site)),
          userId: signedIn?.session.userId,
          address
        })
        const { returnUrl, ...result } = returned
        return returnUrl === null ? page(returned) : goBack(returnUrl, result)
      })
    })
  })
)

/**
 * Cookies come along when a page of another site sends the browser here (SameSite=Lax). That page may have signed the
 * browser in at the provider with an account of its own, to which the user's files would go then.
 */
const notFromElsewhere = Effect.fnUntraced(function* (
  { headers }: HttpServerRequest.HttpServerRequest,
  { tokenEndsAt }: CurrentUser["Service"]
) {
  if (tokenEndsAt !== null || headers["sec-fetch-site"] !== "cross-site") return
  return yield* new Forbidden({
    reason: "Another site sent this browser here, so nothing was begun. Begin on the page of integrations"
  })
})

/** The answer in the query of the page that the browser came from. */
const goBack = (returnUrl: string, result: Readonly<Record<string, string | null>>) => {
  const url = new URL(returnUrl)
  for (const [name, value] of Object.entries(result)) if (value !== null) url.searchParams.set(name, value)
  return HttpServerResponse.redirect(url)
}

const page = ({ outcome, message }: Returned) =>
  outcome === "connected"
    ? resultPage(200, "Connected", `${message}. You can close this page`)
    : resultPage(400, "Not connected", message)
