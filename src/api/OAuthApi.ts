import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiMiddleware, HttpApiSchema, OpenApi } from "effect/http-api"
import { InvalidIntegration } from "../domain/IntegrationErrors.ts"
import { NewOAuthAttempt, OAuthAttempt, OAuthAuthorization } from "../domain/OAuthAttempt.ts"
import { OAuthAttemptNotFound, OAuthNotConfigured, OAuthUnknown } from "../domain/OAuthErrors.ts"
import { Authentication } from "./Authentication.ts"
import { asProblem } from "./Problem.ts"
import { TooManyRequestsProblem } from "./RequestErrors.ts"
import { UserRateLimit, Validation } from "./RequestRules.ts"

const Unknown = OAuthUnknown.pipe(asProblem("OAuthUnknown", 404))
const NotConfigured = OAuthNotConfigured.pipe(asProblem("OAuthNotConfigured", 409))
const Invalid = InvalidIntegration.pipe(asProblem("InvalidIntegration", 400))
const NoAttempt = OAuthAttemptNotFound.pipe(asProblem("OAuthAttemptNotFound", 404))

/** Answers a browser that navigates with a page, where others get a problem. */
export class Pages extends HttpApiMiddleware.Service<Pages>()("nexus/api/Pages") {}

const slug = { slug: Schema.String }
const Redirect = HttpApiSchema.Empty(302)

const descriptions = {
  begin:
    "For a link or a button of the dashboard: it takes the cookie of a session and answers 302. It sets a cookie that " +
    "binds the attempt to this browser. A browser that is not signed in gets a page that says so, and a link on another " +
    "site is 403, as nobody may begin that for somebody else. What the service's " +
    "operator has left to do comes back to `returnUrl` as the outcome `not_configured`.",
  authorize:
    "For a front end of your own: send the token, with `credentials: 'include'`, as the answer " +
    "sets a cookie that binds the attempt to this browser; then send the browser to `url`, which is good for ten " +
    "minutes and once. `returnUrl` is one of `RETURN_URLS`, to the letter. `settings` are those of `POST /integrations/connect`.",
  callback:
    "The redirect URI that is registered with the provider. It sends the browser on to the `returnUrl` of the attempt with " +
    "`provider`, `outcome`, `attempt` and `message` in the query, or shows a page that says the same. The outcomes: " +
    "`connected`; `denied` by the user; `expired` after ten minutes; `used` before; `unknown_state`; `wrong_browser`, " +
    "`wrong_user` or `wrong_provider`, when it was begun elsewhere; `missing_scope`; `provider_error`; `refused`, when " +
    "what came back makes no connection; `unavailable`; `not_configured`. A query is nothing to trust: what is connected " +
    "says `GET /integrations`, and how the attempt ended `GET /integrations/oauth/attempts/:id`."
}

/** Connects providers in the browser. */
export class OAuthApi extends HttpApiGroup.make("oauth")
  .add(
    HttpApiEndpoint.get("attempt", "/attempts/:id", {
      params: { id: Schema.String },
      success: OAuthAttempt,
      error: NoAttempt
    }).annotate(OpenApi.Summary, "Show how an attempt ended; attempts are kept for a day"),
    HttpApiEndpoint.get("begin", "/:slug/authorize", {
      params: slug,
      query: { returnUrl: Schema.optionalKey(Schema.String) },
      success: Redirect,
      error: [Unknown, NotConfigured, Invalid]
    })
      .annotate(OpenApi.Summary, "Send this browser to the provider, to connect it")
      .annotate(OpenApi.Description, descriptions.begin),
    HttpApiEndpoint.post("authorize", "/:slug/authorize", {
      params: slug,
      payload: [NewOAuthAttempt, Schema.Undefined],
      success: OAuthAuthorization,
      error: [Unknown, NotConfigured, Invalid]
    })
      .annotate(OpenApi.Summary, "Begin to connect a provider, from a front end of your own")
      .annotate(OpenApi.Description, descriptions.authorize)
  )
  .middleware(Validation)
  .middleware(UserRateLimit)
  .middleware(Authentication)
  .add(
    HttpApiEndpoint.get("callback", "/:slug/callback", {
      params: slug,
      success: [Redirect, Schema.String.pipe(HttpApiSchema.asText({ contentType: "text/html; charset=utf-8" }))],
      error: TooManyRequestsProblem
    })
      .annotate(OpenApi.Summary, "Where providers send browsers back to")
      .annotate(OpenApi.Description, descriptions.callback)
  )
  .prefix("/integrations/oauth")
  .middleware(Pages)
  .annotateMerge(OpenApi.annotations({ title: "Connecting in the browser" })) {}
