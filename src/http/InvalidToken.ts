import { DateTime, Option, Schema } from "effect"
import { errors } from "jose"

/** A token is refused. Carries nothing of the token but its times. */
export class InvalidToken extends Schema.TaggedError<InvalidToken>()("InvalidToken", {
  reason: Schema.Literals([
    "malformed",
    "algorithm",
    "signature",
    "unknown-key",
    "expired",
    "not-yet-valid",
    "issuer",
    "audience",
    "claims"
  ]),
  /** What is wrong in plain words: the end of a sentence that begins with "The token". */
  detail: Schema.String
}) {
  override get message() {
    return `The token ${this.detail}`
  }
}

/**
 * What an error of `jose` means for the bearer; undefined for errors that aren't about the token, such as a key set
 * that can't be read.
 */
export const invalidTokenOf = (error: unknown): InvalidToken | undefined => {
  if (error instanceof errors.JWTExpired) {
    return new InvalidToken({ reason: "expired", detail: `expired${at(error.payload.exp)}` })
  }
  if (error instanceof errors.JWTClaimValidationFailed) return wrongClaim(error)
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return new InvalidToken({
      reason: "signature",
      detail: "has a wrong signature: another key made it, or it was changed"
    })
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return new InvalidToken({ reason: "algorithm", detail: "is signed with an algorithm that is not accepted here" })
  }
  if (error instanceof errors.JWKSNoMatchingKey) {
    return new InvalidToken({ reason: "unknown-key", detail: "is signed with a key that its issuer does not publish" })
  }
  if (error instanceof errors.JWKSMultipleMatchingKeys) {
    return new InvalidToken({ reason: "unknown-key", detail: 'does not say with which key it is signed ("kid")' })
  }
  if (
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JOSENotSupported
  ) {
    return new InvalidToken({ reason: "malformed", detail: "is not a signed JWT" })
  }
}

const wrongClaim = ({ claim, reason, payload }: errors.JWTClaimValidationFailed) => {
  if (reason === "missing") return new InvalidToken({ reason: "claims", detail: `lacks the claim "${claim}"` })
  if (reason === "invalid") return new InvalidToken({ reason: "claims", detail: `has no number as "${claim}"` })
  if (claim === "nbf") {
    return new InvalidToken({ reason: "not-yet-valid", detail: `is not valid${at(payload.nbf, " before") || " yet"}` })
  }
  if (claim === "iss") return new InvalidToken({ reason: "issuer", detail: 'is from another issuer ("iss")' })
  return new InvalidToken({ reason: "audience", detail: 'is meant for another audience ("aud")' })
}

/** The moment of a numeric date in seconds; nothing for one that no calendar has. */
const at = (seconds: number | undefined, word = " at") =>
  Option.match(DateTime.make((seconds ?? Number.NaN) * 1000), {
    onNone: () => "",
    onSome: (time) => `${word} ${DateTime.formatIso(time)}`
  })
