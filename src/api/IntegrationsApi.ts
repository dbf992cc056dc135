import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import {
  Integration,
  IntegrationPatch,
  NewIntegration,
  ProviderFieldInfo,
  ProviderInfo
} from "../domain/Integration.ts"
import {
  CredentialsRefused,
  CredentialsUncheckable,
  IntegrationNotActive,
  InvalidIntegration,
  NotConnected,
  NotSupported,
  ProviderFailed,
  UnknownProvider
} from "../domain/IntegrationErrors.ts"
import { NewExport, NewSync, SyncAnswer, SyncRun } from "../domain/Sync.ts"
import { SyncFailed, SyncInProgress, SyncNotFound, SyncRefused } from "../domain/SyncErrors.ts"
import { WebhookLimitReached } from "../domain/WebhookErrors.ts"
import { Authentication } from "./Authentication.ts"
import { Paged, PageQuery, Success } from "./Paging.ts"
import { asProblem } from "./Problem.ts"
import { TooManyRequestsProblem } from "./RequestErrors.ts"
import { Idempotency, IdempotencyHeaders, UserRateLimit, Validation } from "./RequestRules.ts"
import { TestSent } from "./WebhooksApi.ts"

const Unknown = UnknownProvider.pipe(asProblem("UnknownProvider", 404))
const Missing = NotConnected.pipe(asProblem("NotConnected", 404))
const Invalid = InvalidIntegration.pipe(asProblem("InvalidIntegration", 400))
const Refused = CredentialsRefused.pipe(asProblem("CredentialsRefused", 422))
const Uncheckable = CredentialsUncheckable.pipe(asProblem("CredentialsUncheckable", 503))
const Unsupported = NotSupported.pipe(asProblem("NotSupported", 422))
const NotActive = IntegrationNotActive.pipe(asProblem("IntegrationNotActive", 409))
const Failed = ProviderFailed.pipe(asProblem("ProviderFailed", 502))
const LimitReached = WebhookLimitReached.pipe(asProblem("WebhookLimitReached", 409))
const InProgress = SyncInProgress.pipe(asProblem("SyncInProgress", 409))
const NoSync = SyncNotFound.pipe(asProblem("SyncNotFound", 404))
const NotSynced = SyncRefused.pipe(asProblem("SyncRefused", 422))
const SyncBroken = SyncFailed.pipe(asProblem("SyncFailed", 502))

const provider = { provider: Schema.String }
const sync = { provider: Schema.String, id: Schema.String }

/** A run that is over. */
const SyncDone = SyncAnswer.pipe(HttpApiSchema.status(201))
/** A run that goes on; `location` is where to look at it. */
const SyncGoesOn = HttpApiSchema.WithHeaders(SyncAnswer, { location: Schema.String }).pipe(HttpApiSchema.status(202))

/** What an operation does beyond the product documentation, or otherwise than that lets expect, and why. */
const descriptions = {
  list:
    "Not paged, as there is one for each provider. Secrets in `credentials` are `••••` and their last four characters. " +
    "`lastError` says what is wrong with one in status `ERROR`, and what to do.",
  connect:
    "The provider is asked whether the credentials work. What does not fit its form (`GET /integrations/providers`) is " +
    "400 and names each field. Credentials that it refuses are 422 with its reason, and nothing is stored: an " +
    "integration in status `ERROR` would keep a secret that is of no use. A provider that can't be reached is 201 with " +
    "status `ERROR` and `lastError`, and is asked again by itself. Connecting again keeps the id and the settings, and " +
    "resumes what is paused; credentials that are refused (422) or can't be checked (503) leave the connection as it " +
    "was. To another account, all contacts are sent anew.",
  update:
    "What is not named stays. `status` `INACTIVE` pauses, `ACTIVE` resumes. `settings`: `autoSync` brings new and changed " +
    "contacts within seconds, `removeDeleted` removes there what is deleted here, `fieldMapping` stands in place of the " +
    "provider's whole default mapping (which `GET /integrations/providers` shows; null goes back to it), so name every " +
    "field that is to be sent. The email can't be moved, because contacts are matched by it. Providers of files have `exportEvery` " +
    "(`hour`, `day`, `week`, `month`; null ends it) and `exportFormat` (`csv`, `json`) instead.",
  disconnect:
    "The provider's outage keeps nobody: the credentials are erased here in any case. The history of syncs stays, and so " +
    "do the contacts at the provider. A second time is 404.",
  sync:
    "No body is needed. `contactsSynced` is `created` + `updated` + `unchanged`: what is there as it is here, and not only " +
    "what was sent this time. A sync of over 25 seconds, or one that the provider works on in the background, is 202 with " +
    "`Location` and goes on. One at a time: a second is 409, and so is one of a paused integration. A run that fails is " +
    "an error with its `runId`: 422 where the user can mend it, 502 where the provider is at fault; what was sent by then " +
    "stays counted. Ten a minute and integration, else 429. With a provider of files (`files` among its capabilities) it is " +
    "an export as CSV.",
  export:
    "Makes one file of all contacts, `contacts-export-<timestamp>.csv` or `.json`, in the folder of the integration's " +
    "settings. The answer's `file` tells its name, link, size and checksum, which was compared with ours. A run like that of " +
    "a sync, and in the same history; its contacts count as `created`. `settings.exportEvery` (`hour`, `day`, `week`, " +
    "`month`) does it by itself, as `settings.exportFormat`; without a `format` this one is CSV whatever that says.",
  rejected: "No rows for a dry run, which only counts."
}

/** A user's connections to providers, and the syncs of contacts through them. */
export class IntegrationsApi extends HttpApiGroup.make("integrations")
  .add(
    HttpApiEndpoint.get("list", "/", { success: Schema.Array(Integration) })
      .annotate(OpenApi.Summary, "List integrations, by provider")
      .annotate(OpenApi.Description, descriptions.list),
    HttpApiEndpoint.get("providers", "/providers", { success: Schema.Array(ProviderInfo) }).annotate(
      OpenApi.Summary,
      "List the providers that there are, with their connect forms"
    ),
    HttpApiEndpoint.post("connect", "/connect", {
      headers: IdempotencyHeaders,
      payload: NewIntegration,
      success: Integration.pipe(HttpApiSchema.status(201)),
      error: [Invalid, Refused, Uncheckable, LimitReached]
    })
      .middleware(Idempotency)
      .annotate(OpenApi.Summary, "Connect a provider, or give a connection new credentials")
      .annotate(OpenApi.Description, descriptions.connect),
    HttpApiEndpoint.get("get", "/:provider", {
      params: provider,
      success: Integration,
      error: [Unknown, Missing]
    }).annotate(OpenApi.Summary, "Show an integration"),
    HttpApiEndpoint.patch("update", "/:provider", {
      params: provider,
      payload: IntegrationPatch,
      success: Integration,
      error: [Unknown, Missing, Invalid, Failed]
    })
      .annotate(OpenApi.Summary, "Change settings, pause or resume an integration")
      .annotate(OpenApi.Description, descriptions.update),
    HttpApiEndpoint.delete("disconnect", "/:provider", {
      params: provider,
      success: Success,
      error: [Unknown, Missing]
    })
      .annotate(OpenApi.Summary, "Disconnect: revoke the credentials where the provider can, and erase them")
      .annotate(OpenApi.Description, descriptions.disconnect),
    HttpApiEndpoint.post("verify", "/:provider/verify", {
      params: provider,
      success: Integration,
      error: [Unknown, Missing]
    }).annotate(OpenApi.Summary, "Ask the provider whether the credentials work; the answer is the status"),
    HttpApiEndpoint.post("test", "/:provider/test", {
      params: provider,
      success: TestSent.pipe(HttpApiSchema.status(201)),
      error: [Unknown, Missing, Unsupported]
    }).annotate(OpenApi.Summary, "Send a test event to a provider that takes events"),
    HttpApiEndpoint.get("fields", "/:provider/fields", {
      params: provider,
      success: Schema.Array(ProviderFieldInfo),
      error: [Unknown, Missing, Unsupported, Failed]
    }).annotate(OpenApi.Summary, "List the fields of the provider's contacts, for a field mapping"),
    HttpApiEndpoint.post("sync", "/:provider/sync", {
      params: provider,
      headers: IdempotencyHeaders,
      payload: [NewSync, Schema.Undefined],
      success: [SyncDone, SyncGoesOn],
      error: [Unknown, Missing, Unsupported, NotActive, InProgress, NotSynced, SyncBroken, TooManyRequestsProblem]
    })
      .middleware(Idempotency)
      .annotate(OpenApi.Summary, "Bring the contacts to the provider; 202 when that takes longer than 25 seconds")
      .annotate(OpenApi.Description, descriptions.sync),
    HttpApiEndpoint.post("export", "/:provider/export", {
      params: provider,
      headers: IdempotencyHeaders,
      payload: [NewExport, Schema.Undefined],
      success: [SyncDone, SyncGoesOn],
      error: [Unknown, Missing, Unsupported, NotActive, InProgress, NotSynced, SyncBroken, TooManyRequestsProblem]
    })
      .middleware(Idempotency)
      .annotate(OpenApi.Summary, "Export the contacts as a file; 202 when that takes longer than 25 seconds")
      .annotate(OpenApi.Description, descriptions.export),
    HttpApiEndpoint.get("listSyncs", "/:provider/syncs", {
      params: provider,
      query: PageQuery,
      success: Paged(SyncRun),
      error: Unknown
    }).annotate(OpenApi.Summary, "List syncs and exports, the newest first"),
    HttpApiEndpoint.get("getSync", "/:provider/syncs/:id", {
      params: sync,
      success: SyncRun,
      error: [Unknown, NoSync]
    }).annotate(OpenApi.Summary, "Show how far a sync is"),
    HttpApiEndpoint.post("cancelSync", "/:provider/syncs/:id/cancel", {
      params: sync,
      success: SyncRun,
      error: [Unknown, NoSync]
    }).annotate(OpenApi.Summary, "End a sync; what was sent stays"),
    HttpApiEndpoint.get("rejected", "/:provider/syncs/:id/rejected.csv", {
      params: sync,
      success: HttpApiSchema.StreamUint8Array({ contentType: "text/csv" }),
      error: [Unknown, NoSync]
    })
      .annotate(OpenApi.Summary, "Download the contacts that a sync rejected, with reasons, as CSV")
      .annotate(OpenApi.Description, descriptions.rejected)
  )
  .prefix("/integrations")
  .middleware(Validation)
  .middleware(UserRateLimit)
  .middleware(Authentication)
  .annotateMerge(OpenApi.annotations({ title: "Integrations" })) {}
