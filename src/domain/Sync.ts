/** A sync run: one pass that brings a user's contacts to a provider, one by one or as a file. */
import { Schema } from "effect"
import { ProviderId, SyncRunId } from "./Ids.ts"
import { ExportFormat, TroubleKind } from "./Integration.ts"

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

/** What `POST /integrations/:provider/export` takes. */
export class NewExport extends Schema.Class<NewExport>("NewExport")({
  /** `csv` by default, which is safe to open in a spreadsheet; `json` is a list of contacts as the API shows them. */
  format: Schema.optionalKey(ExportFormat)
}) {}

/** A file that a run made, as its provider has it. */
export class ExportedFile extends Schema.Class<ExportedFile>("ExportedFile")({
  id: Schema.String,
  name: Schema.String,
  /** Where its owner finds it in a browser. */
  link: Schema.NullOr(Schema.String),
  /** In bytes. */
  size: Schema.Int,
  /** The provider's, which is the same as ours: `sha256:…` */
  checksum: Schema.String
}) {}

/** A run as the API shows it. Each contact of `total` is, or will be, in exactly one of the counts below it. */
export class SyncRun extends Schema.Class<SyncRun>("SyncRun")({
  id: SyncRunId,
  provider: ProviderId,
  trigger: Schema.Literals(["manual", "automatic"]),
  state: SyncState,
  full: Schema.Boolean,
  dryRun: Schema.Boolean,
  /** Of the file that it makes; null for a run that brings contacts one by one. */
  format: Schema.NullOr(ExportFormat),
  /** The file, once it is there. Its contacts count as `created`. */
  file: Schema.NullOr(ExportedFile),
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
