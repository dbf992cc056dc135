import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { HttpApiSwagger } from "effect/http-api"
import { Api } from "../api/Api.ts"

/** The page brings all it needs with it and asks nobody else for anything; its requests go to this very server. */
const policy =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

const withPolicy = HttpRouter.middleware((handled) =>
  Effect.map(handled, (response) => HttpServerResponse.setHeader(response, "content-security-policy", policy))
)

/** `/docs`: the API to read and to try, from `/openapi.json`. */
export const DocsLayer = HttpApiSwagger.layer(Api, { path: "/docs" }).pipe(Layer.provide(withPolicy.layer))
