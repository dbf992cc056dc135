import { Context, DateTime, Effect, Layer, Option, Stream } from "effect"
import { makeUserTransactions } from "../database/UserTransactions.ts"
import type { Actor } from "../domain/Actor.ts"
import { idOfCursor, pageOf } from "../domain/Cursor.ts"
import type { SyncRunId, UserId } from "../domain/Ids.ts"
import { IntegrationNotActive, NotConnected, NotSupported, type UnknownProvider } from "../domain/IntegrationErrors.ts"
import type { Page, PageRequest } from "../domain/Page.ts"
import { ExportedFile, type NewExport, type NewSync, SyncAnswer, SyncRun } from "../domain/Sync.ts"
import { SyncFailed, SyncInProgress, SyncNotFound, SyncRefused } from "../domain/SyncErrors.ts"
import { IntegrationRepo, type IntegrationRow } from "../integrations/IntegrationRepo.ts"
import { noContacts } from "../integrations/Integrations.ts"
import { passes } from "../integrations/Troubles.ts"
import { PluginRegistry } from "../plugin/PluginRegistry.ts"
import type { Provider } from "../plugin/Provider.ts"
import { SyncEngine } from "./SyncEngine.ts"
import { type RejectRow, SyncRecordRepo } from "./SyncRecordRepo.ts"
import { type NewRun, SyncRunRepo, type SyncRunRow } from "./SyncRunRepo.ts"

/** How long a caller waits for a run; a longer one goes on without them. */
const patience = "25 seconds"
/** Rejected contacts that are read at once. */
const rejectPage = 500

type Missing = UnknownProvider | NotConnected

/** Sync runs, as people ask for them. */
export class Syncs extends Context.Service<
  Syncs,
  {
    /**
     * Begins a run and waits for up to 25 seconds; one that is not over by then goes on. With a provider that takes files
     * and no contacts it is an export.
     */
    start(
      actor: Actor,
      provider: string,
      sync: NewSync
    ): Effect.Effect<
      SyncAnswer,
      Missing | NotSupported | IntegrationNotActive | SyncInProgress | SyncRefused | SyncFailed
    >
    /** Brings the contacts to a provider of files as one file; the same otherwise. */
    export(
      actor: Actor,
      provider: string,
      wanted: NewExport
    ): Effect.Effect<
      SyncAnswer,
      Missing | NotSupported | IntegrationNotActive | SyncInProgress | SyncRefused | SyncFailed
    >
    /** The newest first. Runs of an integration that is disconnected by now are among them. */
    list(userId: UserId, provider: string, page: PageRequest): Effect.Effect<Page<SyncRun>, UnknownProvider>
    get(userId: UserId, provider: string, id: string): Effect.Effect<SyncRun, UnknownProvider | SyncNotFound>
    /** Ends a run; what was sent stays. One that is over stays as it is. */
    cancel(actor: Actor, provider: string, id: string): Effect.Effect<SyncRun, UnknownProvider | SyncNotFound>
    /** The contacts that a run rejected, with reasons, by contact id. */
    rejects(
      userId: UserId,
      provider: string,
      id: string
    ): Effect.Effect<Stream.Stream<RejectRow>, UnknownProvider | SyncNotFound>
  }
>()("nexus/sync/Syncs") {
  static readonly layer = Layer.effect(
    Syncs,
    Effect.gen(function* () {
      const engine = yield* SyncEngine
      const runs = yield* SyncRunRepo
      const records = yield* SyncRecordRepo
      const integrations = yield* IntegrationRepo
      const registry = yield* PluginRegistry
      const transaction = yield* makeUserTransactions

      const find = Effect.fnUntraced(function* (userId: UserId, name: string, id: string) {
        const provider = yield* registry.get(name)
        const run = yield* Effect.catchTag(
          transaction(userId, runs.get(userId, provider.id, id)),
          "SqlError",
          Effect.die
        )
        return run ?? (yield* new SyncNotFound({ id }))
      })

      const ready = Effect.fnUntraced(function* (userId: UserId, provider: Provider) {
        const row = yield* transaction(userId, integrations.find(userId, provider.id))
        if (row === undefined) return yield* new NotConnected({ provider: provider.name })
        if (row.status === "INACTIVE") {
          const reason = `${provider.name} is paused. Resume it with PATCH /integrations/${provider.id} {"status": "ACTIVE"}`
          return yield* new IntegrationNotActive({ reason })
        }
        if (row.status === "ERROR" && row.lastErrorKind !== null && !passes(row.lastErrorKind)) {
          return yield* new IntegrationNotActive({ reason: row.lastError ?? `${provider.name} does not work` })
        }
        return row
      })

      // A run that begins is in the audit log, also when its caller hangs up at this moment.
      const begin = Effect.fnUntraced(function* (actor: Actor, row: IntegrationRow, run: NewRun) {
        const begun = yield* engine.begin(row, run)
        if (begun === undefined) return undefined
        const { isFull: full, isDryRun: dryRun, format } = run
        const detail = { syncId: begun.id, ...(format === null ? { full, dryRun } : { format, dryRun }) }
        const action = format === null ? "integration.synced" : "integration.exported"
        yield* transaction(actor.userId, integrations.announce(actor, action, row, detail))
        return begun
      }, Effect.uninterruptible)

      const run = Effect.fnUntraced(
        function* (actor: Actor, provider: Provider, wanted: Omit<NewRun, "trigger">, what: string) {
          const row = yield* ready(actor.userId, provider)
          const begun = yield* begin(actor, row, { trigger: "manual", ...wanted })
          if (begun === undefined) {
            const open = yield* runs.open(row.id)
            return yield* open === undefined
              ? new IntegrationNotActive({ reason: "The sync before ended at this moment. Start it again" })
              : new SyncInProgress({ runId: open.id })
          }
          yield* Effect.timeoutOption(engine.settled(begun.id), patience)
          return yield* answer(provider, yield* Effect.orDie(find(actor.userId, provider.id, begun.id)), what)
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      return Syncs.of({
        start: Effect.fn("Syncs.start")(function* (actor, name, { full = false, dryRun = false }) {
          const provider = yield* registry.get(name)
          if (provider.contacts === undefined && !provider.hasFiles) return yield* noContacts(provider)
          const format = provider.contacts === undefined ? "csv" : null
          const what = dryRun ? "dry run" : "sync"
          return yield* run(actor, provider, { isFull: full, isDryRun: dryRun, format }, what)
        }),

        export: Effect.fn("Syncs.export")(function* (actor, name, { format = "csv" }) {
          const provider = yield* registry.get(name)
          if (!provider.hasFiles) return yield* noFiles(provider)
          return yield* run(actor, provider, { isFull: false, isDryRun: false, format }, "export")
        }),

        list: Effect.fn("Syncs.list")(
          function* (userId, name, { limit, cursor }) {
            const provider = yield* registry.get(name)
            const rows = yield* transaction(userId, runs.list(userId, provider.id, limit + 1, idOfCursor(cursor)))
            return pageOf(rows.map(show), limit)
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        get: Effect.fn("Syncs.get")(function* (userId, name, id) {
          return show(yield* find(userId, name, id))
        }),

        cancel: Effect.fn("Syncs.cancel")(
          function* (actor, name, id) {
            const run = yield* find(actor.userId, name, id)
            yield* transaction(actor.userId, runs.cancel(actor.userId, run.provider, run.id))
            yield* Effect.timeoutOption(engine.settled(run.id), "5 seconds")
            return show(yield* find(actor.userId, name, id))
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        rejects: Effect.fn("Syncs.rejects")(function* (userId, name, id) {
          const run = yield* find(userId, name, id)
          return Stream.paginate(null, (after: string | null) =>
            transaction(userId, records.rejects(userId, run.id, after, rejectPage)).pipe(
              Effect.orDie,
              Effect.map((rows) => {
                const last = rows.length < rejectPage ? undefined : rows.at(-1)
                return [
                  rows,
                  Option.map(Option.fromUndefinedOr(last), ({ contactId }): string | null => contactId)
                ] as const
              })
            )
          )
        })
      })
    })
  )
}

const show = (row: SyncRunRow) =>
  new SyncRun({
    ...row,
    full: row.isFull,
    dryRun: row.isDryRun,
    contactsSynced: row.created + row.updated + row.unchanged,
    file: row.file === null ? null : new ExportedFile(row.file),
    startedAt: DateTime.fromDateUnsafe(row.startedAt),
    finishedAt: row.finishedAt === null ? null : DateTime.fromDateUnsafe(row.finishedAt)
  })

/** What the caller of a sync is told. A run that failed is an error, which tells its id. */
const answer = (
  { name }: Provider,
  row: SyncRunRow,
  what: string
): Effect.Effect<SyncAnswer, SyncRefused | SyncFailed> => {
  if (row.state === "FAILED") return Effect.fail(failure(row.id, row))
  const message = {
    COMPLETED: `${name} ${what} completed`,
    CANCELLED: `${name} ${what} was cancelled`,
    RUNNING: `${name} ${what} is running`,
    WAITING: row.error ?? `${name} works on the contacts that were sent to it`
  }[row.state]
  return Effect.succeed(new SyncAnswer({ ...show(row), message }))
}

const failure = (runId: SyncRunId, { error, errorKind }: SyncRunRow) => {
  const reason = error ?? "The sync failed"
  const kind = errorKind ?? "Unavailable"
  return passes(kind) ? new SyncFailed({ runId, reason, kind }) : new SyncRefused({ runId, reason, kind })
}

/** The refusal of exports to providers that have no files. */
const noFiles = ({ name, id, contacts }: Provider) =>
  new NotSupported({
    reason:
      contacts === undefined
        ? `${name} takes no files, so there is nothing to export to it`
        : `${name} takes no files. POST /integrations/${id}/sync brings the contacts there`
  })
