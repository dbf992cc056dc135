import { Schema } from "effect"

/** There is no such webhook, or it is another user's. */
export class WebhookNotFound extends Schema.TaggedError<WebhookNotFound>()(
  "WebhookNotFound",
  { id: Schema.String },
  { httpApiStatus: 404 }
) {
  override get message() {
    return `There is no webhook ${this.id}`
  }
}

/** The webhook has no such delivery, or it is no longer kept. */
export class DeliveryNotFound extends Schema.TaggedError<DeliveryNotFound>()(
  "DeliveryNotFound",
  { id: Schema.String },
  { httpApiStatus: 404 }
) {
  override get message() {
    return `There is no delivery ${this.id} of this webhook; finished ones are kept for a limited time`
  }
}

/** The delivery is still shown, but its event is no longer kept: there is nothing left to send. */
export class EventExpired extends Schema.TaggedError<EventExpired>()(
  "EventExpired",
  { deliveryId: Schema.String },
  { httpApiStatus: 410 }
) {
  override get message() {
    return `The event of the delivery ${this.deliveryId} is no longer kept, so it can't be sent again`
  }
}

/** The webhook has no such replay. */
export class ReplayNotFound extends Schema.TaggedError<ReplayNotFound>()(
  "ReplayNotFound",
  { id: Schema.String },
  { httpApiStatus: 404 }
) {
  override get message() {
    return `There is no replay ${this.id} of this webhook`
  }
}

/** What is asked for does not make a webhook, although its shape is right; names every field that is wrong. */
export class InvalidWebhook extends Schema.TaggedError<InvalidWebhook>()(
  "InvalidWebhook",
  { errors: Schema.NonEmptyArray(Schema.Struct({ path: Schema.String, message: Schema.String })) },
  { httpApiStatus: 400 }
) {
  override get message() {
    return this.errors.map(({ path, message }) => `${path}: ${message}`).join("; ")
  }
}

/** The user has as many webhooks as this installation allows. */
export class WebhookLimitReached extends Schema.TaggedError<WebhookLimitReached>()(
  "WebhookLimitReached",
  { limit: Schema.Int },
  { httpApiStatus: 409 }
) {
  override get message() {
    return `This user has ${this.limit} webhooks, as many as are allowed; delete one first`
  }
}

/** The webhook belongs to an integration, which takes care of it. */
export class WebhookManaged extends Schema.TaggedError<WebhookManaged>()(
  "WebhookManaged",
  { managedBy: Schema.String },
  { httpApiStatus: 409 }
) {
  override get message() {
    return `This webhook belongs to the integration ${this.managedBy}; change or disconnect it there`
  }
}
