import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { Outcome, OutgoingContact, ProviderError } from "nexus-integrations/plugin"
import { type EmulatedRequest, exampleContact, makeStand } from "nexus-integrations/plugin/testing"
import { SendGridEmulator } from "../../../plugins/sendgrid/Emulator.ts"
import { SendGridPlugin } from "../../../plugins/sendgrid/SendGrid.ts"

/** A stand with an emulator of its own, whose jobs stay pending for so many polls, and a session open on it. */
export const makeImporting = (polls = 0) =>
  Effect.gen(function* () {
    const emulator = SendGridEmulator(polls)
    const stand = yield* makeStand(SendGridPlugin, () => emulator)
    const { contacts } = yield* stand.session()
    assert.isDefined(contacts)
    assert.isDefined(contacts.poll)
    const { poll } = contacts
    const example = (n: number, fields?: Readonly<Record<string, string>>) => exampleContact(stand.provider, n, fields)
    const bring = Effect.fnUntraced(function* (batch: ReadonlyArray<OutgoingContact>) {
      return yield* settle(poll, batch, yield* contacts.upsert(batch))
    })
    return { ...stand, emulator, contacts, poll, example, bring }
  })

type Poll = (job: string, batch: ReadonlyArray<OutgoingContact>) => Effect.Effect<ReadonlyArray<Outcome>, ProviderError>

/** What became of a batch: each job is asked for once, as the engine does. */
const settle = Effect.fnUntraced(function* (
  poll: Poll,
  batch: ReadonlyArray<OutgoingContact>,
  outcomes: ReadonlyArray<Outcome>
) {
  const settled = new Map<string, Outcome>()
  for (const job of jobsOf(outcomes)) {
    const own = batch.filter((_, index) => jobOf(outcomes[index]) === job)
    const polled = yield* poll(job, own)
    for (const [index, { id }] of own.entries()) {
      const outcome = polled[index]
      if (outcome !== undefined) settled.set(id, outcome)
    }
  }
  return batch.flatMap(({ id }, index) => settled.get(id) ?? outcomes[index] ?? [])
})

const jobOf = (outcome: Outcome | undefined) => (outcome?._tag === "Accepted" ? outcome.job : undefined)

export const jobsOf = (outcomes: ReadonlyArray<Outcome>) =>
  Array.from(new Set(outcomes.flatMap((outcome) => jobOf(outcome) ?? [])))

export const tags = (outcomes: ReadonlyArray<Outcome>) => outcomes.map(({ _tag }) => _tag)

export const calls = (requests: ReadonlyArray<EmulatedRequest>) =>
  requests.map(({ method, path }) => `${method} ${path}`)

export const bodyOf = (request: EmulatedRequest | undefined): unknown => JSON.parse(request?.body ?? "null")

export const puts = (requests: ReadonlyArray<EmulatedRequest>) => requests.filter(({ method }) => method === "PUT")
