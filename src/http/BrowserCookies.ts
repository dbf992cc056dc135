/** The cookies of this service: who is signed in, and which browser goes to a provider. */
import { Effect } from "effect"
import { HttpEffect, type HttpServerRequest, HttpServerResponse } from "effect/http"
import { sessionCookie } from "../api/Authentication.ts"
import type { Site } from "./Site.ts"

/**
 * `elsewhere` is what a browser is known by for a front end on another site. Such a page never gets to see the other
 * one, and must not replace it: a tab of the dashboard may be on its way.
 */
const names = { session: sessionCookie, oauth: "nexus-oauth", elsewhere: "nexus-oauth-elsewhere" }
export type CookieKind = keyof typeof names

/**
 * Only a cookie of this very host, set over https, can have a name with `__Host-` (RFC 6265bis, section 4.1.3.2): no
 * other host of the domain can plant one.
 */
const nameOf = (kind: CookieKind, { isSecure }: Site["Service"]) => (isSecure ? `__Host-${names[kind]}` : names[kind])

/**
 * Two tabs that begin at the same moment each get a cookie, as neither has one yet. Each has a name of its own, so that
 * the later answer does not replace what the earlier one is bound to. There is one session at most.
 */
const nameFor = (kind: CookieKind, value: string, site: Site["Service"]) =>
  kind === "session" ? nameOf(kind, site) : `${nameOf(kind, site)}.${value.slice(0, 8)}`

const isNamed = (name: string, kind: CookieKind, site: Site["Service"]) =>
  name === nameOf(kind, site) || (kind !== "session" && name.startsWith(`${nameOf(kind, site)}.`))

const optionsOf = (kind: CookieKind, { isSecure }: Site["Service"]) => ({
  path: "/",
  httpOnly: true,
  secure: isSecure,
  // Browsers take no other from a page on another site, and take this one over https only.
  sameSite: kind === "elsewhere" ? ("none" as const) : ("lax" as const)
})

/** 256 random bits, as base64url. */
const isValue = (text: string | undefined): text is string => text !== undefined && /^[A-Za-z0-9_-]{43}$/.test(text)

/** The values of cookies of a kind that can be ours. */
export const readCookies = (
  { cookies }: HttpServerRequest.HttpServerRequest,
  kind: CookieKind,
  site: Site["Service"]
): ReadonlyArray<string> =>
  Object.entries(cookies).flatMap(([name, value]) => (isNamed(name, kind, site) && isValue(value) ? [value] : []))

/** The first of {@link readCookies}. */
export const readCookie = (
  request: HttpServerRequest.HttpServerRequest,
  kind: CookieKind,
  site: Site["Service"]
): string | undefined => readCookies(request, kind, site)[0]

/** Sets a cookie with the answer. */
export const setCookie = (kind: CookieKind, value: string, maxAgeSeconds: number, site: Site["Service"]) =>
  HttpEffect.appendPreResponseHandler((_, response) =>
    Effect.succeed(
      HttpServerResponse.setCookieUnsafe(response, nameFor(kind, value, site), value, {
        ...optionsOf(kind, site),
        maxAge: `${maxAgeSeconds} seconds`
      })
    )
  )

/** Clears cookies with the answer. */
export const clearCookies = (kinds: ReadonlyArray<CookieKind>, site: Site["Service"]) =>
  HttpEffect.appendPreResponseHandler(({ cookies }, response) =>
    Effect.succeed(
      kinds
        .flatMap((kind) => {
          const own = Object.keys(cookies).filter((name) => isNamed(name, kind, site))
          return Array.from(new Set([nameOf(kind, site), ...own]), (name) => ({ name, kind }))
        })
        .reduce(
          (cleared, { name, kind }) => HttpServerResponse.expireCookieUnsafe(cleared, name, optionsOf(kind, site)),
          response
        )
    )
  )
