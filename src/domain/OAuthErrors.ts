import { Schema } from "effect"

/** The service has no OAuth client for a provider. */
export class OAuthNotConfigured extends Schema.TaggedError<OAuthNotConfigured>()(
  "OAuthNotConfigured",
  { provider: Schema.String, missing: Schema.Array(Schema.String), redirectUri: Schema.String },
  { httpApiStatus: 409 }
) {
  override get message() {
    return (
      `${this.provider} can't be connected in the browser yet: the service's operator has to register an OAuth client ` +
      `there with the redirect URI ${this.redirectUri}, and set ${this.missing.join(", ")}`
    )
  }
}

/** No provider with OAuth has this slug. */
export class OAuthUnknown extends Schema.TaggedError<OAuthUnknown>()(
  "OAuthUnknown",
  { slug: Schema.String, known: Schema.Array(Schema.String) },
  { httpApiStatus: 404 }
) {
  override get message() {
    const known = this.known.length === 0 ? "There is none" : `There are: ${this.known.join(", ")}`
    return `No provider that can be connected in the browser is called ${this.slug}. ${known}`
  }
}

/** The user made no such attempt in the last day. */
export class OAuthAttemptNotFound extends Schema.TaggedError<OAuthAttemptNotFound>()(
  "OAuthAttemptNotFound",
  { id: Schema.String },
  { httpApiStatus: 404 }
) {
  override get message() {
    return `There is no attempt ${this.id}. Attempts are kept for a day`
  }
}
