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
