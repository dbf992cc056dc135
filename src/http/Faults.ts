import { Cause, type Crypto, Effect } from "effect"
import { Hex } from "effect/encoding"
import { HttpServerError, HttpServerRequest, type HttpServerResponse } from "effect/http"
import {
  BodyTooLarge,
  BodyTooLargeProblem,
  InvalidRequest,
  InvalidRequestProblem,
  MethodNotAllowed,
  MethodNotAllowedProblem,
  PathNotFound,
  PathNotFoundProblem,
  UnexpectedError,
  UnexpectedErrorProblem,
  UnsupportedBody,
  UnsupportedBodyProblem
} from "../api/RequestErrors.ts"
import { problemResponse } from "./ProblemResponse.ts"

/** Which methods a URL takes; empty when there is nothing at it. */
export type AllowedMethods = (url: string) => ReadonlyArray<string>

type Answer<E> = Effect.Effect<HttpServerResponse.HttpServerResponse, E, HttpServerRequest.HttpServerRequest>

/**
 * Answers for what no endpoint answers for: unknown paths and methods, bodies that are not taken, and our own faults.
 * Of those the caller learns an id; the cause is in the log, under the same id.
 */
export const answerFaults =
  (allowed: AllowedMethods, crypto: Crypto.Crypto) =>
  <E, R>(handled: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
    Effect.catchCause(handled, (cause): Answer<E> => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause)
      const error = Cause.squash(cause)
      if (error instanceof BodyTooLarge) return problemResponse(BodyTooLargeProblem, error)
      if (error instanceof UnsupportedBody) return problemResponse(UnsupportedBodyProblem, error)
      if (error instanceof InvalidRequest) return problemResponse(InvalidRequestProblem, error)
      if (error instanceof HttpServerError.HttpServerError && error.reason._tag === "RouteNotFound") {
        return notRouted(allowed)
      }
      return unexpected(cause, crypto)
    })

const notRouted = Effect.fnUntraced(function* (allowed: AllowedMethods) {
  const { method, url } = yield* HttpServerRequest.HttpServerRequest
  const path = url.replace(/[?#].*$/s, "").slice(0, 200)
  const allow = allowed(url)
  if (allow.length === 0) return yield* problemResponse(PathNotFoundProblem, new PathNotFound({ path }))
  const failure = new MethodNotAllowed({ method, path, allow })
  return yield* problemResponse(MethodNotAllowedProblem, failure, { allow: allow.join(", ") })
})

const unexpected = Effect.fnUntraced(function* (cause: Cause.Cause<unknown>, crypto: Crypto.Crypto) {
  const id = Hex.encode(yield* Effect.orDie(crypto.randomBytes(8)))
  yield* Effect.annotateLogs(Effect.logError("A request failed", cause), { errorId: id })
  return yield* problemResponse(UnexpectedErrorProblem, new UnexpectedError({ id }))
})
