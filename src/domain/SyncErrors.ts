import { Schema } from "effect"
import { SyncRunId } from "./Ids.ts"
import { TroubleKind } from "./Integration.ts"

/** Another run of the same integration is not over yet. */
export class SyncInProgress extends Schema.TaggedError<SyncInProgress>()(
  "SyncInProgress",
  { runId: SyncRunId },
  { httpApiStatus: 409 }
) {
  override get message() {
    return `The sync ${this.runId} of this integration is not over yet. Wait for it, or cancel it`
  }
}

/** The integration has no such run, or it is no longer kept. */
export class SyncNotFound extends Schema.TaggedError<SyncNotFound>()(
  "SyncNotFound",
  { id: Schema.String },
  { httpApiStatus: 404 }
) {
  override get message() {
    return `There is no sync ${this.id} of this provider; finished ones are kept for a limited time`
  }
}

const failure = { runId: SyncRunId, reason: Schema.String, kind: TroubleKind }

/** The run ended because of something that its user can put right. What was sent until then stays counted. */
export class SyncRefused extends Schema.TaggedError<SyncRefused>()("SyncRefused", failure, { httpApiStatus: 422 }) {
  override get message() {
    return this.reason
  }
}

/** The run ended because the provider does not work. What was sent until then stays counted. */
export class SyncFailed extends Schema.TaggedError<SyncFailed>()("SyncFailed", failure, { httpApiStatus: 502 }) {
  override get message() {
    return this.reason
  }
}
