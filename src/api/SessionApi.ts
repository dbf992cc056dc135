import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { BrowserSession, NoSession } from "../domain/BrowserSession.ts"
import { Authentication } from "./Authentication.ts"
import { Success } from "./Paging.ts"
import { asProblem } from "./Problem.ts"
import { UserRateLimit, Validation } from "./RequestRules.ts"

const Missing = NoSession.pipe(asProblem("NoSession", 404))

/** How a browser is signed in. */
export class SessionApi extends HttpApiGroup.make("session")
  .add(
    HttpApiEndpoint.post("start", "/", { success: BrowserSession })
      .annotate(OpenApi.Summary, "Sign a browser in: sets a cookie that stands for the token")
      .annotate(
        OpenApi.Description,
        "It ends when the token ends, after twelve hours at most. Pages can't read it (HttpOnly), and other sites can't " +
          "use it: what changes something needs an `Origin` of the service's own. A service starts sessions of its " +
          "users, without scopes, by naming them in `Nexus-User`. A session can't start another one; send a token."
      ),
    HttpApiEndpoint.get("get", "/", { success: BrowserSession, error: Missing }).annotate(
      OpenApi.Summary,
      "Show who is signed in with this browser"
    ),
    HttpApiEndpoint.delete("end", "/", { success: Success }).annotate(
      OpenApi.Summary,
      "Sign the browser out, and clear its cookies"
    )
  )
  .prefix("/session")
  .middleware(Validation)
  .middleware(UserRateLimit)
  .middleware(Authentication)
  .annotateMerge(OpenApi.annotations({ title: "Session" })) {}
