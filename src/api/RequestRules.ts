/** What holds for many endpoints; the server side is in `src/http`. */
import { Schema } from "effect"
import { HttpApiMiddleware } from "effect/http-api"
import type { CurrentUser } from "./Authentication.ts"
import {
  IdempotencyKeyReusedProblem,
  InvalidRequestProblem,
  RequestInProgressProblem,
  TooManyRequestsProblem,
  UnsupportedBodyProblem
} from "./RequestErrors.ts"

/** Names every part of a request that does not fit. */
export class Validation extends HttpApiMiddleware.Service<Validation>()("nexus/api/Validation", {
  error: [InvalidRequestProblem, UnsupportedBodyProblem]
}) {}

/** Counts the requests of a user. */
export class UserRateLimit extends HttpApiMiddleware.Service<UserRateLimit, { requires: CurrentUser }>()(
  "nexus/api/UserRateLimit",
  { error: TooManyRequestsProblem }
) {}

/**
 * Answers a repeated request with the answer of the first. It reads the header itself; declare it with
 * {@link IdempotencyHeaders} too.
 */
export class Idempotency extends HttpApiMiddleware.Service<Idempotency, { requires: CurrentUser }>()(
  "nexus/api/Idempotency",
  { error: [RequestInProgressProblem, IdempotencyKeyReusedProblem] }
) {}

/**
 * The key that makes a request repeatable: the same key with the same request within 24 hours is answered as the first
 * time, with `Idempotency-Replayed: true`, and nothing is done twice. Failed requests leave nothing behind.
 */
export const IdempotencyKey = Schema.String.check(
  Schema.isPattern(/^[\u0020-\u007e]{1,255}$/, { message: "Expected 1 to 255 printable ASCII characters" })
)

export const IdempotencyHeaders = { "idempotency-key": Schema.optionalKey(IdempotencyKey) }
