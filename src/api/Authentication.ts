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
export class CurrentUser extends Context.Service<CurrentUser, Actor & { readonly scopes: ReadonlyArray<TokenScope> }>()(
  "nexus/api/CurrentUser"
) {}

const bearer = HttpApiSecurity.bearer.pipe(
  HttpApiSecurity.annotate(
    OpenApi.Description,
    "A JWT. Its `sub` is the user; with the scope `service` it acts for the user in the header `Nexus-User`."
  ),
  HttpApiSecurity.annotate(OpenApi.Format, "JWT")
)

/** Lets only requests with a valid token through, and says whose they are. */
export class Authentication extends HttpApiMiddleware.Service<Authentication, { provides: CurrentUser }>()(
  "nexus/api/Authentication",
  {
    security: { bearer },
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
