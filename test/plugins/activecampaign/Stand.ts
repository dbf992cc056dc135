import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { Outcome, OutgoingContact } from "nexus-integrations/plugin"
import { type EmulatedRequest, exampleContact, makeStand } from "nexus-integrations/plugin/testing"
import { ActiveCampaignPlugin } from "../../../plugins/activecampaign/ActiveCampaign.ts"
import type { ImportOptions } from "../../../plugins/activecampaign/EmulatedImports.ts"
import { ActiveCampaignEmulator } from "../../../plugins/activecampaign/Emulator.ts"

/** A stand with an emulator of its own, and a session open on it. */
export const makeImporting = (options: ImportOptions = {}) =>
  Effect.gen(function* () {
    const stand = yield* makeStand(ActiveCampaignPlugin, () => ActiveCampaignEmulator(options))
    const { verify, contacts } = yield* stand.session()
    assert.isDefined(contacts)
    const { poll, remove } = contacts
    assert.isDefined(poll)
    assert.isDefined(remove)
    const account = stand.emulator.contacts
    assert.isDefined(account)

    /** Brings contacts and asks once for each job. */
    const bring = Effect.fnUntraced(function* (batch: ReadonlyArray<OutgoingContact>) {
      const outcomes = yield* contacts.upsert(batch)
      const settled = new Map<string, Outcome>()
      for (const job of jobsOf(outcomes)) {
        const own = batch.filter((_, place) => jobOf(outcomes[place]) === job)
        const polled = yield* poll(job, own)
        for (const [place, outcome] of polled.entries()) settled.set(own[place]?.id ?? "", outcome)
      }
      return batch.flatMap(({ id }, place) => settled.get(id) ?? outcomes[place] ?? [])
    })

    const example = (n: number, fields?: Readonly<Record<string, string>>) => exampleContact(stand.provider, n, fields)
    return { ...stand, verify, contacts, poll, remove, account, bring, example }
  })

/** Our names of the fields that cost calls of their own, left out. */
export const untitled = { jobTitle: "" }

const jobOf = (outcome: Outcome | undefined) => (outcome?._tag === "Accepted" ? outcome.job : undefined)

export const jobsOf = (outcomes: ReadonlyArray<Outcome>) =>
  Array.from(new Set(outcomes.flatMap((outcome) => jobOf(outcome) ?? [])))

export const tags = (outcomes: ReadonlyArray<Outcome>) => outcomes.map(({ _tag }) => _tag)

export const calls = (requests: ReadonlyArray<EmulatedRequest>) =>
  requests.map(({ method, path }) => `${method} ${path.replace("/api/3", "")}`)

export const bodyOf = (request: EmulatedRequest | undefined): unknown => JSON.parse(request?.body ?? "null")
