import { Buffer } from "node:buffer"
import { Effect, Layer, Option, Redacted, Schema } from "effect"
import { HttpEffect, HttpServerRequest, HttpServerResponse } from "effect/http"
import { AdminOnly, Authentication, CurrentUser } from "../api/Authentication.ts"
import { Forbidden, InvalidRequest, TokensUncheckable, Unauthenticated } from "../api/RequestErrors.ts"
import { UserId } from "../domain/Ids.ts"
import { Principal } from "../domain/Principal.ts"
import { clearCookies, readCookie } from "./BrowserCookies.ts"
import { BrowserSessions } from "./BrowserSessions.ts"
import { RequestLimits } from "./RequestLimits.ts"
import { RequestNotes } from "./RequestNotes.ts"
import { fromOwnPage } from "./SameOrigin.ts"
import { Site } from "./Site.ts"
import { Tokens } from "./Tokens.ts"
import { enforce } from "./UserRateLimit.ts"

const isUserId = Schema.is(Principal.fields.userId)

/** Checks the token of each request, or the session of its browser, and for whom it is made. */
export const AuthenticationLayer = Layer.effect(
  Authentication,
  Effect.gen(function* () {
    const tokens = yield* Tokens
    const limits = yield* RequestLimits
    const sessions = yield* BrowserSessions
    const site = yield* Site

    const verify = Effect.fnUntraced(
      function* (token: Redacted.Redacted<string>) {
        if (Redacted.value(token) !== "") return yield* tokens.verify(token)
        return yield* refuse("There is no token in this request", "")
      },
      Effect.catchTags({
        InvalidToken: ({ message }) => refuse(message, ', error="invalid_token"'),
        TokenKeysUnreachable: (error) =>
          Effect.logError("Tokens can't be checked", error).pipe(Effect.andThen(new TokensUncheckable({})))
      })
    )

    const refuse = Effect.fnUntraced(function* (reason: string, detail: string) {
      const { remoteAddress } = yield* HttpServerRequest.HttpServerRequest
      yield* enforce(yield* limits.ofAddress(Option.getOrNull(remoteAddress)))
      yield* challenge(detail)
      return yield* new Unauthenticated({ reason })
    })

    const byToken = Effect.fnUntraced(function* (token: Redacted.Redacted<string>) {
      const { principal, endsAt } = yield* verify(token)
      const { headers } = yield* HttpServerRequest.HttpServerRequest
      const userId = yield* onWhoseBehalf(principal, headers["nexus-user"])
      return { userId, actor: principal.userId, scopes: principal.scopes, tokenEndsAt: endsAt }
    })

    const bySession = Effect.fnUntraced(function* (cookie: string) {
      const found = yield* sessions.find(cookie)
      if (found === undefined) {
        yield* clearCookies(["session"], site)
        return yield* refuse("The session of this browser is over, and there is no token in this request", "")
      }
      const { headers } = yield* fromOwnPage(site)
      const { userId, scopes } = found.session
      yield* onWhoseBehalf(new Principal({ userId, scopes }), headers["nexus-user"])
      return { userId, actor: found.actor, scopes, tokenEndsAt: null }
    })

    const actingAs = Effect.fnUntraced(function* <A, E, R>(
      httpEffect: Effect.Effect<A, E, R>,
      user: Omit<CurrentUser["Service"], "address">
    ) {
      const { remoteAddress } = yield* HttpServerRequest.HttpServerRequest
      const notes = yield* RequestNotes
      notes.userId = user.userId
      return yield* Effect.provideService(httpEffect, CurrentUser, {
        ...user,
        address: Option.getOrNull(remoteAddress)
      })
    })

    // Asked in this order: what refuses the token refuses the request, whatever cookie comes with it.
    return Authentication.of({
      bearer: Effect.fnUntraced(function* (httpEffect, { credential }) {
        const request = yield* HttpServerRequest.HttpServerRequest
        const notes = yield* RequestNotes
        if (Redacted.value(credential) === "" && readCookie(request, "session", site) !== undefined) {
          return yield* new Unauthenticated({ reason: "There is no token in this request" })
        }
        const user = yield* byToken(credential).pipe(
          Effect.tapError((refusal) =>
            Effect.sync(() => {
              notes.refusal = refusal
            })
          )
        )
        return yield* actingAs(httpEffect, user)
      }),
      session: Effect.fnUntraced(function* (httpEffect) {
        const { refusal } = yield* RequestNotes
        if (refusal !== undefined) return yield* Effect.fail(refusal)
        const cookie = readCookie(yield* HttpServerRequest.HttpServerRequest, "session", site)
        return yield* actingAs(httpEffect, yield* bySession(cookie ?? ""))
      })
    })
  })
)

/** Lets administrators through. */
export const AdminOnlyLayer = Layer.succeed(
  AdminOnly,
  AdminOnly.of(
    Effect.fnUntraced(function* (httpEffect) {
      const { scopes } = yield* CurrentUser
      if (scopes.includes("admin")) return yield* httpEffect
      return yield* new Forbidden({ reason: 'This needs a token with the scope "admin"' })
    })
  )
)

/** RFC 6750, section 3: a request without a token learns only which scheme is meant. */
const challenge = (detail: string) =>
  HttpEffect.appendPreResponseHandler((_, response) =>
    Effect.succeed(HttpServerResponse.setHeader(response, "www-authenticate", `Bearer realm="nexus"${detail}`))
  )

const onWhoseBehalf = Effect.fnUntraced(function* (principal: Principal, header: string | undefined) {
  if (header === undefined) {
    if (!principal.has("service")) return UserId.make(principal.userId)
    return yield* new Forbidden({
      reason: 'A token with the scope "service" acts for others: name the user in the header Nexus-User'
    })
  }
  const named = utf8(header)
  if (!isUserId(named)) {
    return yield* new InvalidRequest({
      errors: [
        { path: "Nexus-User", message: "Expected a user id: 1 to 255 characters in UTF-8, no control characters" }
      ]
    })
  }
  if (!principal.has("service") && named !== principal.userId) {
    return yield* new Forbidden({
      reason: 'Only a token with the scope "service" may name another user in the header Nexus-User'
    })
  }
  return UserId.make(named)
})

/** Node reads the bytes of a header as Latin-1. */
const utf8 = (header: string) => {
  const text = Buffer.from(header, "latin1").toString("utf8")
  return text.includes("\ufffd") ? "" : text
}
