import { Effect, Layer, type Types } from "effect"
import { HttpServerRequest, type HttpServerResponse } from "effect/http"
import { Pages } from "../api/OAuthApi.ts"
import { Forbidden, InvalidRequest, TooManyRequests, Unauthenticated } from "../api/RequestErrors.ts"
import { InvalidIntegration } from "../domain/IntegrationErrors.ts"
import { OAuthNotConfigured, OAuthUnknown } from "../domain/OAuthErrors.ts"
import { resultPage } from "./ResultPage.ts"

const title = "Nothing was connected"

const pageOf = (error: unknown): HttpServerResponse.HttpServerResponse | undefined => {
  if (error instanceof Unauthenticated) {
    return resultPage(401, title, "You are not signed in here. Sign in with this browser, then begin again")
  }
  if (error instanceof Forbidden) return resultPage(403, title, error.message)
  if (error instanceof InvalidRequest || error instanceof InvalidIntegration) {
    return resultPage(400, title, error.message)
  }
  if (error instanceof OAuthUnknown) return resultPage(404, title, error.message)
  if (error instanceof OAuthNotConfigured) return resultPage(409, title, error.message)
  return error instanceof TooManyRequests ? resultPage(429, title, error.message) : undefined
}

/** A browser that goes to an address asks for a page; the requests of scripts don't, unless they say so. */
const navigates = ({ method, headers }: HttpServerRequest.HttpServerRequest) =>
  method === "GET" && (headers.accept ?? "").includes("text/html")

/** Turns what goes wrong into pages, for browsers that navigate. */
export const PagesLayer = Layer.succeed(
  Pages,
  Pages.of(
    Effect.fnUntraced(function* (httpEffect) {
      if (!navigates(yield* HttpServerRequest.HttpServerRequest)) return yield* httpEffect
      return yield* Effect.catch(
        httpEffect,
        (error): Effect.Effect<HttpServerResponse.HttpServerResponse, Types.unhandled> => {
          const page = pageOf(error)
          return page === undefined ? Effect.fail(error) : Effect.succeed(page)
        }
      )
    })
  )
)
