import { Effect, Redacted } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentUser } from "../api/Authentication.ts"
import { success } from "../api/Paging.ts"
import { Forbidden } from "../api/RequestErrors.ts"
import { NoSession } from "../domain/BrowserSession.ts"
import { clearCookies, readCookie, setCookie } from "./BrowserCookies.ts"
import { BrowserSessions } from "./BrowserSessions.ts"
import { Site } from "./Site.ts"

export const SessionHandlers = HttpApiBuilder.group(
  Api,
  "session",
  Effect.fn(function* (handlers) {
    const sessions = yield* BrowserSessions
    const site = yield* Site

    return handlers.handleAll({
      start: Effect.fnUntraced(function* ({ request }) {
        const user = yield* CurrentUser
        if (user.tokenEndsAt === null) {
          return yield* new Forbidden({ reason: "A session does not start another one: send a token to sign in anew" })
        }
        const before = readCookie(request, "session", site)
        if (before !== undefined) yield* sessions.end(before, user.address)
        const { session, token, seconds } = yield* sessions.start(user, user.tokenEndsAt)
        yield* setCookie("session", Redacted.value(token), seconds, site)
        return session
      }),
      get: Effect.fnUntraced(function* ({ request }) {
        const cookie = readCookie(request, "session", site)
        const found = cookie === undefined ? undefined : yield* sessions.find(cookie)
        if (found === undefined) return yield* new NoSession()
        return found.session
      }),
      end: Effect.fnUntraced(function* ({ request }) {
        const cookie = readCookie(request, "session", site)
        if (cookie !== undefined) yield* sessions.end(cookie, (yield* CurrentUser).address)
        yield* clearCookies(["session", "oauth", "elsewhere"], site)
        return success
      })
    })
  })
)
