/** What can be wrong with any request, whatever it asks for. */
import { Schema } from "effect"
import { asProblem, FieldProblem } from "./Problem.ts"

/** The request does not have the shape that the endpoint takes; names every part that is wrong. */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>()("InvalidRequest", {
  errors: Schema.Array(FieldProblem)
}) {
  override get message() {
    const [first, ...rest] = this.errors
    if (first === undefined) return "The request can't be read; compare it with /docs"
    const more = rest.length === 0 ? "" : ` (and ${rest.length} more, see "errors")`
    return `${first.path}: ${first.message}${more}`
  }
}
export const InvalidRequestProblem = InvalidRequest.pipe(asProblem("InvalidRequest", 400))

/** There is no token, or it is refused. */
export class Unauthenticated extends Schema.TaggedError<Unauthenticated>()("Unauthenticated", {
  reason: Schema.String
}) {
  override get message() {
    return `${this.reason}. Send a valid one as "Authorization: Bearer <token>"`
  }
}
export const UnauthenticatedProblem = Unauthenticated.pipe(asProblem("Unauthenticated", 401))

/** The token is valid, but does not reach as far as the request. */
export class Forbidden extends Schema.TaggedError<Forbidden>()("Forbidden", { reason: Schema.String }) {
  override get message() {
    return this.reason
  }
}
export const ForbiddenProblem = Forbidden.pipe(asProblem("Forbidden", 403))

/** The keys that tokens are checked with can't be read at the moment. */
export class TokensUncheckable extends Schema.TaggedError<TokensUncheckable>()("TokensUncheckable", {}) {
  override get message() {
    return "The token can't be checked at the moment, because the identity provider does not answer. Try again shortly"
  }
}
export const TokensUncheckableProblem = TokensUncheckable.pipe(asProblem("TokensUncheckable", 503))

/** More requests than are allowed in a minute. */
export class TooManyRequests extends Schema.TaggedError<TooManyRequests>()("TooManyRequests", {
  limit: Schema.Int,
  /** What is counted: `requests`, `syncs of an integration`. */
  what: Schema.String,
  /** Whole seconds, as in the header `Retry-After`. */
  retryAfter: Schema.Int
}) {
  override get message() {
    return `At most ${this.limit} ${this.what} a minute are taken. Try again in ${this.retryAfter} s`
  }
}
export const TooManyRequestsProblem = TooManyRequests.pipe(asProblem("TooManyRequests", 429))

/** The idempotency key was used for another request. */
export class IdempotencyKeyReused extends Schema.TaggedError<IdempotencyKeyReused>()("IdempotencyKeyReused", {}) {
  override get message() {
    return "This Idempotency-Key was used for another request in the last 24 hours. Take a new key for a new request"
  }
}
export const IdempotencyKeyReusedProblem = IdempotencyKeyReused.pipe(asProblem("IdempotencyKeyReused", 422))

/** The first request with this idempotency key has no answer yet. */
export class RequestInProgress extends Schema.TaggedError<RequestInProgress>()("RequestInProgress", {
  retryAfter: Schema.Int
}) {
  override get message() {
    return `The first request with this Idempotency-Key is still running. Ask again in ${this.retryAfter} s for its answer`
  }
}
export const RequestInProgressProblem = RequestInProgress.pipe(asProblem("RequestInProgress", 409))

/** No endpoint has this path. */
export class PathNotFound extends Schema.TaggedError<PathNotFound>()("PathNotFound", { path: Schema.String }) {
  override get message() {
    return `There is nothing at ${this.path}. /docs lists what there is`
  }
}
export const PathNotFoundProblem = PathNotFound.pipe(asProblem("PathNotFound", 404))

/** The path exists, but not with this method. */
export class MethodNotAllowed extends Schema.TaggedError<MethodNotAllowed>()("MethodNotAllowed", {
  method: Schema.String,
  path: Schema.String,
  allow: Schema.Array(Schema.String)
}) {
  override get message() {
    return `${this.path} does not take ${this.method}. It takes ${this.allow.join(", ")}`
  }
}
export const MethodNotAllowedProblem = MethodNotAllowed.pipe(asProblem("MethodNotAllowed", 405))

/** The body is larger than the endpoint takes; it was not read. */
export class BodyTooLarge extends Schema.TaggedError<BodyTooLarge>()("BodyTooLarge", { limit: Schema.Int }) {
  override get message() {
    return `The body is larger than ${this.limit} bytes, the most that is taken here. Send less at a time`
  }
}
export const BodyTooLargeProblem = BodyTooLarge.pipe(asProblem("BodyTooLarge", 413))

/** The body is something other than what is taken: JSON, unless `expected` says what else. */
export class UnsupportedBody extends Schema.TaggedError<UnsupportedBody>()("UnsupportedBody", {
  contentType: Schema.String,
  expected: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    return `The body is ${this.contentType}. Send ${this.expected ?? 'JSON, with "Content-Type: application/json"'}`
  }
}
export const UnsupportedBodyProblem = UnsupportedBody.pipe(asProblem("UnsupportedBody", 415))

/** A fault of the service. What went wrong is in its log, under this id, and nowhere else. */
export class UnexpectedError extends Schema.TaggedError<UnexpectedError>()("UnexpectedError", { id: Schema.String }) {
  override get message() {
    return `Something went wrong on our side. Try again; if it stays, report the id ${this.id}, which our log has too`
  }
}
export const UnexpectedErrorProblem = UnexpectedError.pipe(asProblem("UnexpectedError", 500))
