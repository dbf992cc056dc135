import { Context } from "effect"
import { HttpApiMiddleware, HttpApiSecurity, OpenApi } from "effect/http-api"
import type { Actor } from "../domain/Actor.ts"
import type { TokenScope } from "../domain/Principal.ts"
import {
  ForbiddenProblem,
  InvalidRequestProblem,
  TokensUncheckableProblem,
  TooManyRequestsProblem,
  UnauthenticatedProblem
} from "./RequestErrors.ts"

/** Whose things a request is about, and who makes it. */
export class CurrentUser extends Context.Service<
  CurrentUser,
  Actor & {
    readonly scopes: ReadonlyArray<TokenScope>
    /** When the token of the request ends, in milliseconds since 1970; null where a session's cookie stands for one. */
    readonly tokenEndsAt: number | null
  }
>()("nexus/api/CurrentUser") {}

const bearer = HttpApiSecurity.bearer.pipe(
  HttpApiSecurity.annotate(
    OpenApi.Description,
    "A JWT. Its `sub` is the user; with the scope `service` it acts for the user in the header `Nexus-User`."
  ),
  HttpApiSecurity.annotate(OpenApi.Format, "JWT")
)

/** The name of the session's cookie where the service is reached by `http`; by https it is `__Host-` and this. */
export const sessionCookie = "nexus-session"

const session = HttpApiSecurity.apiKey({ in: "cookie", key: sessionCookie }).pipe(
  HttpApiSecurity.annotate(
    OpenApi.Description,
    "The session of a browser, as `POST /session` sets it; `__Host-nexus-session` where the service is reached by " +
      "https. A token goes before it. What changes something needs an `Origin` of the service's own with it."
  )
)

/** Lets only requests with a valid token or a session through, and says whose they are. */
export class Authentication extends HttpApiMiddleware.Service<Authentication, { provides: CurrentUser }>()(
  "nexus/api/Authentication",
  {
    security: { bearer, session },
    error: [
      InvalidRequestProblem,
      UnauthenticatedProblem,
      ForbiddenProblem,
      TooManyRequestsProblem,
      TokensUncheckableProblem
    ]
  }
) {}

/** Lets only tokens with the scope `admin` through. */
export class AdminOnly extends HttpApiMiddleware.Service<AdminOnly, { requires: CurrentUser }>()(
  "nexus/api/AdminOnly",
  { error: ForbiddenProblem }
) {}
