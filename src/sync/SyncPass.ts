/** One pass of a run, from where it stands to its end or to where it has to wait. */
import { Effect } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { split } from "../integrations/ConnectForm.ts"
import type { IntegrationRow } from "../integrations/IntegrationRepo.ts"
import type { Outcome } from "../plugin/Outcome.ts"
import type { OutgoingContact, Provider, RemovedContact, SessionContacts } from "../plugin/Provider.ts"
import type { ProviderError } from "../plugin/ProviderError.ts"
import { account, countsOf, type Sending, standing, stillRejected } from "./Ledger.ts"
import { hashOf, mappingOf, outgoing } from "./Mapping.ts"
import type { ProviderCalls } from "./ProviderCalls.ts"
import {
  type Accounted,
  type AwaitedContact,
  type Counts,
  type KnownContact,
  SyncRecordRepo
} from "./SyncRecordRepo.ts"
import type { SyncRunRow } from "./SyncRunRepo.ts"

/** What a pass works with. */
export interface PassContext {
  readonly run: SyncRunRow
  readonly row: IntegrationRow
  readonly provider: Provider
  readonly contacts: SessionContacts
  readonly calls: ProviderCalls
  /** Fields of the provider's without which a dry run counts a contact as rejected. */
  readonly required: ReadonlySet<string>
  /** What the provider still does in the background is no longer waited for. */
  readonly isLate: boolean
  /** Seconds that a contact may be unconfirmed before it counts as that. */
  readonly longestDoubt: number
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
  const removal = Effect.fn("SyncPass.removal")(function* (context: PassContext) {
    const { run, row, provider, contacts, calls } = context
    const remove = row.settings.removeDeleted === true ? contacts.remove : undefined
    const batchSize = provider.contacts?.batchSize ?? pageSize
    let after: string | null = null
    while (true) {
      const orphans: ReadonlyArray<RemovedContact> = yield* records.orphans(run, after, batchSize)
      if (orphans.length === 0) return true
      after = orphans.at(-1)?.id ?? null
      const outcomes = remove === undefined ? undefined : yield* calls.call(remove(orphans))
      const isKept = (outcome: Outcome | undefined) => outcome?._tag === "Rejected" && outcome.retryable
      const forgotten = orphans.flatMap(({ id }, index) => (isKept(outcomes?.[index]) ? [] : [id]))
      const removed = outcomes?.filter(({ _tag }) => _tag === "Updated").length ?? 0
      const counts = removed === 0 ? {} : { removed }
      if (!(yield* records.checkpoint(run, { position: null, counts, accounted: [], forgotten }))) return false
    }
  })

  const sendAll = Effect.fn("SyncPass.sendAll")(function* (context: PassContext) {
    const { run, row, provider, contacts, calls, required } = context
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
      for (const { outcome } of accounted) count(outcome)
      const goesOn = yield* records.checkpoint(run, {
        position,
        counts,
        accounted: run.isDryRun ? [] : accounted,
        forgotten: []
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

  /** Asks what became of the contacts of a job. `open` while there are some that it may still tell of. */
  const followJob = Effect.fnUntraced(function* (
    { run, row, provider, calls, isLate, longestDoubt }: PassContext,
    poll: NonNullable<SessionContacts["poll"]>,
    job: string
  ) {
    const mapping = mappingOf(provider, row.settings)
    const batchSize = provider.contacts?.batchSize ?? pageSize
    let after: string | null = null
    let end: PassEnd = "done"
    while (true) {
      const awaited: ReadonlyArray<AwaitedContact> = yield* records.ofJob(run, job, after, batchSize)
      if (awaited.length === 0) return end
      after = awaited.at(-1)?.id ?? null
      const batch = awaited.map((known) => outgoing(known, mapping, known.externalId))
      const outcomes = yield* calls.call(poll(job, batch))
      if (!isLate && outcomes.every(({ _tag }) => _tag === "Accepted")) return "open"
      const told = awaited.flatMap((known, index) => {
        const outcome = outcomes[index]
        const contact = batch[index]
        if (outcome === undefined || contact === undefined) return []
        const one = account({ contact, hash: known.hash ?? "" }, outcome, job)
        const isOver = isLate || (known.outcome === "unconfirmed" && known.age > longestDoubt)
        return [{ known, now: isOver ? givenUp(one) : one }]
      })
      if (told.some(({ now }) => now.job !== null)) end = "open"
      // The others stay as they are, and so does the time since which they are.
      const changed = told.filter(({ known, now }) => known.outcome !== now.outcome || now.job !== job)
      const accounted = changed.map(({ now }) => now)
      const counts = moved(
        changed.map(({ known }) => known),
        accounted
      )
      if (!(yield* records.checkpoint(run, { position: null, counts, accounted, forgotten: [] }))) return "stopped"
    }
  })

  /** Asks what became of the contacts that the provider works on in the background. */
  const followUp = Effect.fn("SyncPass.followUp")(function* (context: PassContext) {
    const { poll } = context.contacts
    if (poll === undefined) return "done"
    let end: PassEnd = "done"
    let after = ""
    while (true) {
      const jobs: ReadonlyArray<string> = yield* records.jobs(context.run, after, pageSize)
      for (const job of jobs) {
        const followed: PassEnd = yield* followJob(context, poll, job)
        if (followed === "stopped") return "stopped"
        if (followed === "open") end = "open"
        after = job
      }
      if (jobs.length < pageSize) return end
    }
  })

  /** Goes on with a run. */
  return Effect.fn("SyncPass")(function* (context: PassContext): Effect.fn.Return<PassEnd, SqlError | ProviderError> {
    const { run } = context
    // Once in a run, before its first contact: it looks at all that was ever sent.
    if (!run.isDryRun && run.position === null && !(yield* removal(context))) return "stopped"
    if (!(yield* sendAll(context))) return "stopped"
    return run.isDryRun ? "done" : yield* followUp(context)
  })
})

/** A contact that is waited for no longer. */
const givenUp = (one: Accounted): Accounted =>
  one.outcome === "pending" || one.outcome === "unconfirmed" ? { ...one, outcome: "unconfirmed", job: null } : one

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
  const changes = names.map((name) => [name, (come[name] ?? 0) - (gone[name] ?? 0)] as const)
  return Object.fromEntries(changes.filter(([, change]) => change !== 0))
}
