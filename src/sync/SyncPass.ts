/** One pass of a run, from where it stands to its end or to where it has to wait. */
import { Effect } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { split } from "../integrations/ConnectForm.ts"
import type { IntegrationRow } from "../integrations/IntegrationRepo.ts"
import type { OutgoingContact, Provider, SessionContacts } from "../plugin/Provider.ts"
import type { ProviderError } from "../plugin/ProviderError.ts"
import { account, countsOf, type Sending, standing, stillRejected } from "./Ledger.ts"
import { hashOf, mappingOf, outgoing } from "./Mapping.ts"
import type { ProviderCalls } from "./ProviderCalls.ts"
import { type Accounted, type Counts, type KnownContact, SyncRecordRepo } from "./SyncRecordRepo.ts"
import type { SyncRunRow } from "./SyncRunRepo.ts"

/** What a pass works with. */
export interface PassContext {
  readonly run: SyncRunRow
  readonly owner: string
  readonly row: IntegrationRow
  readonly provider: Provider
  readonly contacts: SessionContacts
  readonly calls: ProviderCalls
  /** Fields of the provider's without which a dry run counts a contact as rejected. */
  readonly required: ReadonlySet<string>
}

/**
 * `done`: every contact has its outcome; `open`: the provider works on some in the background; `stopped`: the run was
 * cancelled, or is another process's by now.
 */
export type PassEnd = "done" | "open" | "stopped"

/** Contacts that are read at once. The batches of a provider may be larger. */
const pageSize = 1000

/** Makes the pass of a run. Memory holds a page and a batch, however many contacts there are. */
export const makeSyncPass = Effect.gen(function* () {
  const records = yield* SyncRecordRepo

  /** Contacts that are deleted here: forgotten, and removed there when the integration says so. */
  const removal = Effect.fn("SyncPass.removal")(function* ({
    run,
    owner,
    row,
    provider,
    contacts,
    calls
  }: PassContext) {
    const { remove } = contacts
    const batchSize = provider.contacts?.batchSize ?? pageSize
    while (true) {
      const orphans = yield* records.orphans(row.id, batchSize)
      if (orphans.length === 0) return true
      let removed = 0
      if (row.settings.removeDeleted === true && remove !== undefined) {
        const outcomes = yield* calls.call(remove(orphans))
        removed = outcomes.filter(({ _tag }) => _tag === "Updated").length
      }
      yield* records.forget(
        row.id,
        orphans.map(({ id }) => id)
      )
      const goesOn = yield* records.checkpoint(run, owner, { position: null, counts: { removed }, accounted: [] })
      if (!goesOn) return false
    }
  })

  const sendAll = Effect.fn("SyncPass.sendAll")(function* (context: PassContext) {
    const { run, owner, row, provider, contacts, calls, required } = context
    const batchSize = provider.contacts?.batchSize ?? pageSize
    const mapping = mappingOf(provider, row.settings)
    const { own } = split(row.settings)
    let position = run.position
    let sending: Array<Sending> = []
    let standingStill: Array<Accounted> = []
    let counts: Counts = {}

    const count = (name: keyof Counts) => {
      counts = { ...counts, [name]: (counts[name] ?? 0) + 1 }
    }
    const flush = Effect.gen(function* () {
      const outcomes =
        sending.length === 0 || run.isDryRun
          ? []
          : yield* calls.call(contacts.upsert(sending.map(({ contact }) => contact)))
      const sent = outcomes.flatMap((outcome, index) => {
        const one = sending[index]
        return one === undefined ? [] : [account(one, outcome)]
      })
      const accounted = [...standingStill, ...sent]
      const all = countsOf(accounted.map(({ outcome }) => outcome))
      const goesOn = yield* records.checkpoint(run, owner, {
        position,
        counts: { ...counts, ...all },
        accounted: run.isDryRun ? [] : accounted
      })
      sending = []
      standingStill = []
      counts = {}
      return goesOn
    })
    const take = (known: KnownContact) => {
      const contact = outgoing(known, mapping, known.externalId)
      const one = { contact, hash: hashOf(contact, own) }
      const stands = run.isFull ? undefined : standing(known, one.hash)
      position = known.id
      if (stands === "unchanged") count("unchanged")
      else if (stands === "rejected") standingStill.push(stillRejected(known, one))
      else {
        sending.push(one)
        if (run.isDryRun) count(expected(contact, required))
      }
    }

    while (true) {
      const page = yield* records.page(run, position, pageSize)
      for (const known of page) {
        take(known)
        const isFull = sending.length >= batchSize || standingStill.length >= pageSize
        if (isFull && !(yield* flush)) return false
      }
      const isEnd = page.length < pageSize
      // With nothing to send there is nothing to wait for, and progress to show.
      if ((isEnd || sending.length === 0) && !(yield* flush)) return false
      if (isEnd) return true
    }
  })

  /** Asks what became of the contacts that the provider works on in the background. */
  const followUp = Effect.fn("SyncPass.followUp")(function* (context: PassContext, isLate: boolean) {
    const { run, owner, row, provider, contacts, calls } = context
    const { poll } = contacts
    if (poll === undefined) return "done"
    const mapping = mappingOf(provider, row.settings)
    let end: PassEnd = "done"

    for (const job of yield* records.jobs(row.id)) {
      let after: string | null = null
      while (true) {
        const page: ReadonlyArray<KnownContact> = yield* records.ofJob(row.id, job, after, pageSize)
        if (page.length === 0) break
        after = page.at(-1)?.id ?? null
        const batch = page.map((known) => outgoing(known, mapping, known.externalId))
        const outcomes = yield* calls.call(poll(job, batch))
        const isRunning = outcomes.every(({ _tag }) => _tag === "Accepted")
        if (isRunning && !isLate) {
          end = "open"
          break
        }
        const accounted = page.flatMap((known, index) => {
          const contact = batch[index]
          const outcome = outcomes[index]
          if (contact === undefined || outcome === undefined) return []
          const told = account({ contact, hash: known.hash ?? "" }, outcome, isLate ? null : job)
          return [isLate && told.outcome === "pending" ? { ...told, outcome: "unconfirmed" as const, job: null } : told]
        })
        if (accounted.some(({ job }) => job !== null)) end = "open"
        const counts = moved(page, accounted)
        if (!(yield* records.checkpoint(run, owner, { position: null, counts, accounted }))) return "stopped"
      }
    }
    return end
  })

  /**
   * Goes on with a run. `isLate`: what the provider still does in the background is no longer waited for, and counts as
   * unconfirmed.
   */
  return Effect.fn("SyncPass")(function* (
    context: PassContext,
    isLate: boolean
  ): Effect.fn.Return<PassEnd, SqlError | ProviderError> {
    const { run } = context
    if (!run.isDryRun && !(yield* removal(context))) return "stopped"
    if (!(yield* sendAll(context))) return "stopped"
    return run.isDryRun ? "done" : yield* followUp(context, isLate)
  })
})

/** What a dry run expects of a contact: one that was never synced counts as new, although it may be there already. */
const expected = ({ fields, externalId }: OutgoingContact, required: ReadonlySet<string>) => {
  for (const name of required) if (fields[name] === undefined) return "rejected"
  return externalId === null ? "created" : "updated"
}

/** How the counts change when contacts get new outcomes. */
const moved = (before: ReadonlyArray<KnownContact>, after: ReadonlyArray<Accounted>): Counts => {
  const gone = countsOf(before.flatMap(({ outcome }) => outcome ?? []))
  const come = countsOf(after.map(({ outcome }) => outcome))
  const names = ["created", "updated", "unchanged", "rejected", "pending", "unconfirmed"] as const
  return Object.fromEntries(names.map((name) => [name, (come[name] ?? 0) - (gone[name] ?? 0)]))
}
