/** A sync run: one pass that brings a user's contacts to a provider. */
import { Schema } from "effect"
import { ProviderId, SyncRunId } from "./Ids.ts"
import { TroubleKind } from "./Integration.ts"

const Time = Schema.DateTimeUtcFromString

/**
 * - `RUNNING`: contacts are being sent
 * - `WAITING`: the provider works on what was sent, or asks for patience; the run goes on by itself
 * - `COMPLETED`, `FAILED`, `CANCELLED`: over
 */
export const SyncState = Schema.Literals(["RUNNING", "WAITING", "COMPLETED", "FAILED", "CANCELLED"])
export type SyncState = typeof SyncState.Type

/** What `POST /integrations/:provider/sync` takes. */
export class NewSync extends Schema.Class<NewSync>("NewSync")({
  /** Sends every contact, also those that were sent before and did not change. */
  full: Schema.optionalKey(Schema.Boolean),
  /** Only counts what would be created, updated and rejected. */
  dryRun: Schema.optionalKey(Schema.Boolean)
}) {}

/** A run as the API shows it. Each contact of `total` is, or will be, in exactly one of the counts below it. */
export class SyncRun extends Schema.Class<SyncRun>("SyncRun")({
  id: SyncRunId,
  provider: ProviderId,
  trigger: Schema.Literals(["manual", "automatic"]),
  state: SyncState,
  full: Schema.Boolean,
  dryRun: Schema.Boolean,
  /** created + updated + unchanged: what is at the provider as it is here. */
  contactsSynced: Schema.Int,
  /** How many contacts the run looks at; for an automatic one, those that changed. */
  total: Schema.Int,
  created: Schema.Int,
  updated: Schema.Int,
  unchanged: Schema.Int,
  /** Refused, each with its reason: `GET …/syncs/:id/rejected.csv`. */
  rejected: Schema.Int,
  /** Accepted by the provider, which still works on them. */
  pending: Schema.Int,
  /** Accepted by the provider, which does not say whether they are there. */
  unconfirmed: Schema.Int,
  /** Deleted here, and therefore removed there. */
  removed: Schema.Int,
  /** Why it failed or waits, and what to do. */
  error: Schema.NullOr(Schema.String),
  errorKind: Schema.NullOr(TroubleKind),
  startedAt: Time,
  finishedAt: Schema.NullOr(Time)
}) {}

/** What a sync answers: the run, and what there is to say about it. */
export class SyncAnswer extends SyncRun.extend<SyncAnswer>("SyncAnswer")({ message: Schema.String }) {}
