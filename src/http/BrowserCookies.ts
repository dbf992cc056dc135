/** The two cookies of this service: who is signed in, and which browser goes to a provider. */
import { Effect } from "effect"
import { HttpEffect, type HttpServerRequest, HttpServerResponse } from "effect/http"
import { sessionCookie } from "../api/Authentication.ts"
import type { Site } from "./Site.ts"

const names = { session: sessionCookie, oauth: "nexus-oauth" }
type Kind = keyof typeof names

/**
 * Only a cookie of this very host, set over https, can have a name with `__Host-` (RFC 6265bis, section 4.1.3.2): no
 * other host of the domain can plant one.
 */
const nameOf = (kind: Kind, { isSecure }: Site["Service"]) => (isSecure ? `__Host-${names[kind]}` : names[kind])

const options = ({ isSecure }: Site["Service"], sameSite: "lax" | "none" = "lax") => ({
  path: "/",
  httpOnly: true,
  secure: isSecure,
  sameSite
})

/** 256 random bits, as base64url. */
const isValue = (text: string | undefined): text is string => text !== undefined && /^[A-Za-z0-9_-]{43}$/.test(text)

/** The value of a cookie, if it can be one of ours. */
export const readCookie = (
  { cookies }: HttpServerRequest.HttpServerRequest,
  kind: Kind,
  site: Site["Service"]
): string | undefined => {
  const value = cookies[nameOf(kind, site)]
  return isValue(value) ? value : undefined
}

/** Sets a cookie with the answer. */
export const setCookie = (kind: Kind, value: string, maxAgeSeconds: number, site: Site["Service"]) =>
  HttpEffect.appendPreResponseHandler(({ headers }, response) => {
    // A front end on another site is not given a lax one; it would never see its cookie come back.
    const isElsewhere = kind === "oauth" && site.isSecure && headers["sec-fetch-site"] === "cross-site"
    const sameSite = isElsewhere ? "none" : "lax"
    return Effect.succeed(
      HttpServerResponse.setCookieUnsafe(response, nameOf(kind, site), value, {
        ...options(site, sameSite),
        maxAge: `${maxAgeSeconds} seconds`
      })
    )
  })

/** Clears cookies with the answer. */
export const clearCookies = (kinds: ReadonlyArray<Kind>, site: Site["Service"]) =>
  HttpEffect.appendPreResponseHandler((_, response) =>
    Effect.succeed(
      kinds.reduce(
        (cleared, kind) => HttpServerResponse.expireCookieUnsafe(cleared, nameOf(kind, site), options(site)),
        response
      )
    )
  )
