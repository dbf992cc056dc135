import { Array as Arr, Effect, Option, type Scope } from "effect"
import type { Outcome } from "../Outcome.ts"
import type { OutgoingContact, Provider, SessionContacts } from "../Provider.ts"
import type { ProviderError } from "../ProviderError.ts"
import { CheckFailed, expect } from "./Check.ts"
import type { EmulatedContact, EmulatedRequest, Emulator } from "./Emulator.ts"
import { exampleContact, type Stand } from "./Stand.ts"

/** A stand whose plugin and emulator have contacts, and a session that brings some there. */
export interface Trial extends Stand {
  readonly contacts: SessionContacts
  readonly there: NonNullable<Emulator["contacts"]>
  /** Whether what is sent may be worked on in the background. */
  readonly hasJobs: boolean
  /** The example contacts of these numbers, all with these fields of our own names. */
  some(numbers: ReadonlyArray<number>, fields?: Readonly<Record<string, string>>): ReadonlyArray<OutgoingContact>
  /** Sends a batch and follows its jobs to their end: what became of each contact, in their order. */
  bring(batch: ReadonlyArray<OutgoingContact>): Effect.Effect<ReadonlyArray<Outcome>, ProviderError | CheckFailed>
  /** The same with a session of its own, as another process has it. */
  bringAnew(batch: ReadonlyArray<OutgoingContact>): Effect.Effect<ReadonlyArray<Outcome>, unknown, Scope.Scope>
  /** Fails unless each contact is there exactly once. */
  expectOnce(batch: ReadonlyArray<OutgoingContact>, after: string): Effect.Effect<void, CheckFailed>
}

/** How often a job is asked for, a minute apart, before it counts as endless. */
const polls = 20

/** What a trial is for; none when plugin or emulator has no contacts. */
export const tryContacts = <E>(stand: Effect.Effect<Stand, E, Scope.Scope>) =>
  Effect.gen(function* () {
    const made = yield* stand
    const { contacts } = yield* made.session()
    const there = made.emulator.contacts
    if (contacts === undefined) return Option.none()
    if (there === undefined) {
      return yield* new CheckFailed({
        expected: "A plugin with contacts has an emulator with contacts.",
        happened: "The emulator has none.",
        advice: "Give the emulator a member contacts, with all, add and refusedValue."
      })
    }
    const trial: Trial = {
      ...made,
      contacts,
      there,
      hasJobs: contacts.poll !== undefined,
      some: (numbers, fields) => numbers.map((n) => exampleContact(made.provider, n, fields)),
      bring: (batch) => inBatches(made.provider, batch, (some) => bring(contacts, there, some)),
      bringAnew: (batch) =>
        Effect.flatMap(made.session(), ({ contacts: anew = contacts }) =>
          inBatches(made.provider, batch, (some) => bring(anew, there, some))
        ),
      expectOnce: (batch, after) => expectOnce(there.all(), batch, after)
    }
    return Option.some(trial)
  })

/** Calls with at most as many contacts as the plugin takes at once. */
export const inBatches = <A, B, E, R>(
  { contacts }: Provider,
  all: ReadonlyArray<A>,
  call: (batch: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<B>, E, R>
): Effect.Effect<ReadonlyArray<B>, E, R> =>
  Effect.map(Effect.forEach(Arr.chunksOf(all, contacts?.batchSize ?? all.length), call), (results) => results.flat())

const bring = Effect.fnUntraced(function* (
  { upsert, poll }: SessionContacts,
  there: Trial["there"],
  batch: ReadonlyArray<OutgoingContact>
) {
  const outcomes = Array.from(yield* upsert(batch))
  const jobs = outcomes.map((outcome) => (outcome._tag === "Accepted" ? outcome.job : undefined))
  yield* expect(!outcomes.some(({ _tag }) => _tag === "Unconfirmed"), {
    expected: "upsert says what became of a contact, or that a job works on it.",
    happened: "It said Unconfirmed.",
    advice: "Unconfirmed is an outcome of poll; give Accepted with a job that poll can be asked about."
  })
  const isOpen = (index: number) => /^(Accepted|Unconfirmed)$/.test(outcomes[index]?._tag ?? "")
  for (let round = 0; round < polls; round++) {
    const open = batch.flatMap((contact, index) => (isOpen(index) ? [{ contact, index, job: jobs[index] ?? "" }] : []))
    if (open.length === 0) return outcomes
    if (poll === undefined) {
      return yield* new CheckFailed({
        expected: "A plugin that gives Accepted can be asked about its jobs.",
        happened: "upsert gave Accepted, and there is no poll.",
        advice: "Add contacts.poll."
      })
    }
    there.finishJobs?.()
    yield* Effect.sleep("1 minute")
    for (const [job, own] of Map.groupBy(open, ({ job }) => job)) {
      const told = yield* poll(
        job,
        own.map(({ contact }) => contact)
      )
      for (const [position, { index }] of own.entries()) outcomes[index] = told[position] ?? { _tag: "Unconfirmed" }
    }
  }
  yield* expect(!outcomes.some(({ _tag }) => _tag === "Accepted"), {
    expected: "A job comes to an end.",
    happened: `After ${polls} polls, a minute apart, poll still said Accepted.`,
    advice: "Look at what poll takes for the end of a job, and at finishJobs of the emulator."
  })
  return outcomes
})

const expectOnce = (all: ReadonlyArray<EmulatedContact>, batch: ReadonlyArray<OutgoingContact>, after: string) => {
  const times = (email: string) => all.filter((contact) => contact.email.toLowerCase() === email).length
  const wrong = batch.find(({ email }) => times(email) !== 1)
  if (wrong === undefined) return Effect.void
  const count = times(wrong.email)
  return expect(false, {
    expected: `Each contact is at the provider exactly once ${after}.`,
    happened: `${wrong.email} is there ${count === 0 ? "not at all" : `${count} times`}.`,
    advice:
      count === 0
        ? "Look at which requests were sent for it, and at the outcome that it got."
        : "Match contacts by email: with the provider's upsert, or by reading before writing."
  })
}

/** A condition on requests that holds for the n-th that it is asked about, counted from 0, and for no other. */
export const nth = (n: number) => {
  let seen = 0
  return (_: EmulatedRequest): boolean => seen++ === n
}

/** How many outcomes a sentence names. */
const named = 10

/** The outcomes in one line, such as `Created, Created, Rejected (…)`. */
export const shown = (outcomes: ReadonlyArray<Outcome>): string => {
  const some = outcomes
    .slice(0, named)
    .map((outcome) => (outcome._tag === "Rejected" ? `Rejected (${outcome.reason})` : outcome._tag))
  return [...some, ...(outcomes.length > named ? [`and ${outcomes.length - named} more`] : [])].join(", ")
}
