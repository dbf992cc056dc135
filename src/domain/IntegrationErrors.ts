import { Schema } from "effect"
import { TroubleKind } from "./Integration.ts"

/** No plugin stands for this provider. */
export class UnknownProvider extends Schema.TaggedError<UnknownProvider>()(
  "UnknownProvider",
  { id: Schema.String, known: Schema.Array(Schema.String) },
  { httpApiStatus: 404 }
) {
  override get message() {
    return `There is no provider ${this.id}. There are: ${this.known.join(", ")}`
  }
}

/** The user has no such integration. */
export class NotConnected extends Schema.TaggedError<NotConnected>()(
  "NotConnected",
  { provider: Schema.String },
  { httpApiStatus: 404 }
) {
  override get message() {
    return `${this.provider} is not connected. Connect it with POST /integrations/connect`
  }
}

/** What is posted does not make an integration; names every field that is wrong, and none of their values. */
export class InvalidIntegration extends Schema.TaggedError<InvalidIntegration>()(
  "InvalidIntegration",
  { errors: Schema.NonEmptyArray(Schema.Struct({ path: Schema.String, message: Schema.String })) },
  { httpApiStatus: 400 }
) {
  override get message() {
    return this.errors.map(({ path, message }) => `${path}: ${message}`).join("; ")
  }
}

/** The provider does not take the credentials. Nothing was stored or changed. */
export class CredentialsRefused extends Schema.TaggedError<CredentialsRefused>()(
  "CredentialsRefused",
  { reason: Schema.String, kind: TroubleKind },
  { httpApiStatus: 422 }
) {
  override get message() {
    return this.reason
  }
}

/** New credentials can't be checked at the moment, so those that are there stay. */
export class CredentialsUncheckable extends Schema.TaggedError<CredentialsUncheckable>()(
  "CredentialsUncheckable",
  { reason: Schema.String },
  { httpApiStatus: 503 }
) {
  override get message() {
    return `${this.reason}. The connection stays as it was; try again later`
  }
}

/** The provider can't do what is asked for. */
export class NotSupported extends Schema.TaggedError<NotSupported>()(
  "NotSupported",
  { reason: Schema.String },
  { httpApiStatus: 422 }
) {
  override get message() {
    return this.reason
  }
}

/** The integration is paused or does not work, so nothing is sent through it. */
export class IntegrationNotActive extends Schema.TaggedError<IntegrationNotActive>()(
  "IntegrationNotActive",
  { reason: Schema.String },
  { httpApiStatus: 409 }
) {
  override get message() {
    return this.reason
  }
}

/** The provider could not be asked. */
export class ProviderFailed extends Schema.TaggedError<ProviderFailed>()(
  "ProviderFailed",
  { reason: Schema.String, kind: TroubleKind },
  { httpApiStatus: 502 }
) {
  override get message() {
    return this.reason
  }
}
