import { Console, Effect, Schedule, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { ContactExport } from "../contacts/ContactExport.ts"
import { UserId } from "../domain/Ids.ts"
import { NewSync, type SyncRun } from "../domain/Sync.ts"
import { Syncs } from "../sync/Syncs.ts"
import { withProgress } from "./Progress.ts"

/** The run ended before it had been through all contacts. */
class NotCompleted extends Schema.TaggedError<NotCompleted>()("NotCompleted", { reason: Schema.String }) {
  override get message() {
    return this.reason
  }
}

/** How often it looks how far the run is. */
const pause = "500 millis"

/** Contacts of a run that have their outcome, or wait for the provider to tell it. */
const accounted = ({ contactsSynced, rejected, pending, unconfirmed }: SyncRun) =>
  contactsSynced + rejected + pending + unconfirmed

/** `nexus sync`. */
export const sync = Command.make(
  "sync",
  {
    provider: Argument.String("provider").pipe(
      Argument.withDescription("The id of a provider that the user has connected; nexus doctor lists them")
    ),
    user: Flag.String("user").pipe(Flag.withDescription("The user whose contacts they are"), Flag.withSchema(UserId)),
    full: Flag.Boolean("full").pipe(
      Flag.withDescription("Send all contacts, also those that did not change"),
      Flag.withDefault(false)
    ),
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDescription("Count what would be created, updated and rejected, and send nothing"),
      Flag.withDefault(false)
    )
  },
  Effect.fn(function* ({ provider, user, full, dryRun }) {
    const syncs = yield* Syncs
    const contacts = yield* ContactExport
    const actor = { userId: user, actor: user, address: null }
    const newest = Effect.map(syncs.list(user, provider, { limit: 1, cursor: null }), ({ items: [run] }) => run)

    const run = yield* withProgress(contacts.count(user), (onProgress) => {
      const show = (run: SyncRun | undefined) => (run === undefined ? Effect.void : onProgress(accounted(run)))
      const watch = newest.pipe(Effect.flatMap(show), Effect.delay(pause), Effect.forever)
      return Effect.raceFirst(syncs.start(actor, provider, new NewSync({ full, dryRun })), watch).pipe(
        Effect.flatMap(({ id }) =>
          syncs
            .get(user, provider, id)
            .pipe(
              Effect.tap(show),
              Effect.repeat({ until: ({ state }) => state !== "RUNNING", schedule: Schedule.spaced(pause) })
            )
        )
      )
    })
    yield* Console.log(countsOf(run))
    if (run.rejected > 0 && !dryRun) {
      const path = `/integrations/${run.provider}/syncs/${run.id}/rejected.csv`
      yield* Console.error(`Why contacts were rejected, one by one: GET ${path}`)
    }
    if (run.state === "WAITING") {
      yield* Console.error(
        `${run.error ?? "The provider works on them"}. A running service goes on with sync ${run.id}`
      )
    }
    if (run.state === "FAILED") return yield* new NotCompleted({ reason: run.error ?? "The sync failed" })
    if (run.state === "CANCELLED")
      return yield* new NotCompleted({ reason: "The sync was cancelled; what was sent stays" })
  })
).pipe(
  Command.withDescription("Bring a user's contacts to a provider that they have connected"),
  Command.withExamples([{ command: "nexus sync acme_crm --user user-1 --dry-run" }])
)

const countsOf = ({ created, updated, unchanged, rejected, pending, unconfirmed, removed, dryRun }: SyncRun) => {
  const always = [`${created} created`, `${updated} updated`, `${unchanged} unchanged`, `${rejected} rejected`]
  const sometimes = { pending, unconfirmed, removed }
  const more = Object.entries(sometimes).flatMap(([name, count]) => (count === 0 ? [] : [`${count} ${name}`]))
  const counts = [...always, ...more].join(", ")
  return dryRun ? `Nothing was sent. It would be: ${counts}` : counts
}
