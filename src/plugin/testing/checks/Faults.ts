/** Checks of what a plugin does when requests or answers are lost, throttled or not as they used to be. */
import { Effect, Option, Result } from "effect"
import { ProviderError } from "../../ProviderError.ts"
import { type Check, expect, makeCheck } from "../Check.ts"
import type { EmulatedAnswer } from "../Emulator.ts"
import { bytesFile, keeping, LargeFile, requestsOf, tryFiles } from "../FileTrial.ts"
import type { OpenStand } from "../Stand.ts"
import { nth, shown, tryContacts } from "../Trial.ts"
import { rejectsOne } from "./Rejecting.ts"
import { expectTags } from "./Upserting.ts"

/** The most requests of one sync that a fault is tried at. */
const mostPositions = 16

export const faultChecks = (open: OpenStand): ReadonlyArray<Check> => [
  makeCheck(
    "after a lost answer, the same contacts again make no duplicates",
    Effect.gen(function* () {
      for (const position of yield* positions(open)) {
        const trial = yield* tryContacts(open())
        if (Option.isNone(trial)) return "does not apply"
        const { bring, bringAnew, some, server, expectOnce } = trial.value
        const batch = some([1, 2, 3])
        server.inject({ kind: "cutAnswer", when: nth(position) })
        const lost = yield* Effect.result(bring(batch))
        if (Result.isFailure(lost)) {
          const { failure } = lost
          yield* expect(failure instanceof ProviderError && failure.reason._tag === "Unavailable", {
            expected: "A call whose answer is lost fails with Unavailable.",
            happened: `It failed with ${failure.message}.`,
            advice: "Let the error of connection.http through."
          })
        }
        server.heal()
        for (const again of [bring(batch), bringAnew(batch)]) {
          const outcomes = yield* again
          yield* expectOnce(
            batch,
            `after the answer to request ${position + 1} of a sync was lost, and the same sync again`
          )
          const refused = outcomes.filter(({ _tag }) => _tag === "Rejected")
          yield* expect(refused.length === 0, {
            expected: "Contacts that arrived although the answer was lost are found by the next sync.",
            happened: `The outcomes are ${shown(outcomes)}.`,
            advice: "Look before you write, or take the provider's 'exists already' for what it is."
          })
        }
      }
      return (yield* positions(open)).length === 0 ? "does not apply" : "passed"
    })
  ),
  makeCheck(
    "throttling is waited out, at any request",
    Effect.gen(function* () {
      const stand = yield* open()
      stand.server.inject({ kind: stand.emulator.failures.throttled, when: nth(0) })
      yield* (yield* stand.session()).verify
      for (const position of yield* positions(open)) {
        const trial = yield* tryContacts(open())
        if (Option.isNone(trial)) break
        const { bring, some, server, emulator, expectOnce } = trial.value
        const batch = some([1, 2, 3])
        server.inject({ kind: emulator.failures.throttled, when: nth(position) })
        yield* expectTags(trial.value, yield* bring(batch), "Created", "new contacts, with a throttled request")
        yield* expectOnce(batch, `after request ${position + 1} of a sync was throttled`)
      }
      const file = bytesFile("throttled.csv", yield* LargeFile)
      for (const position of (yield* requestsOf(open, file)).slice(0, mostPositions).keys()) {
        const trial = yield* tryFiles(open())
        if (Option.isNone(trial)) return
        const { put, server, emulator, expectOnce } = trial.value
        server.inject({ kind: emulator.failures.throttled, when: nth(position) })
        yield* expectOnce(file, yield* put(file, keeping()), `after request ${position + 1} was throttled`)
      }
    })
  ),
  makeCheck(
    "answers with members that nobody knows yet are understood",
    Effect.gen(function* () {
      const stand = yield* open(withUnknownMembers)
      const { verify } = yield* stand.session()
      const known = yield* (yield* (yield* open()).session()).verify
      const account = yield* verify
      yield* expect(account.id === known.id && account.label === known.label, {
        expected: "The account is the same whatever else an answer tells.",
        happened: `It is ${account.id} (${account.label}) instead of ${known.id} (${known.label}).`,
        advice: "Read members by their names."
      })
      const storing = yield* tryFiles(Effect.succeed(stand))
      if (Option.isSome(storing)) {
        const { upload, expectOnce } = storing.value
        const file = bytesFile("members.csv", yield* LargeFile)
        yield* expectOnce(file, yield* upload(file), "with answers that tell more")
      }
      const trial = yield* tryContacts(Effect.succeed(stand))
      if (Option.isNone(trial)) return
      const { bring, some, contacts, expectOnce } = trial.value
      yield* contacts.describeFields
      const batch = some([11, 12])
      yield* expectTags(trial.value, yield* bring(batch), "Created", "new contacts")
      const again = yield* bring(batch)
      yield* expect(!again.some(({ _tag }) => /^(Created|Rejected)$/.test(_tag)), {
        expected: "Contacts are found whatever else an answer tells.",
        happened: `The outcomes of a second sync are ${shown(again)}.`,
        advice: "Read members by their names."
      })
      yield* expectOnce(batch, "with answers that tell more")
      yield* rejectsOne(trial.value)
    })
  )
]

/** At which requests of a sync of new contacts a fault is tried. */
const positions = Effect.fnUntraced(function* (open: OpenStand) {
  const trial = yield* tryContacts(open())
  if (Option.isNone(trial)) return []
  const { bring, some, server } = trial.value
  const before = server.requests.length
  yield* bring(some([1, 2, 3]))
  return Array.from({ length: Math.min(mostPositions, server.requests.length - before) }, (_, index) => index)
}, Effect.scoped)

/**
 * Adds a member to each object of a JSON answer. It repeats the value of the object's first member, so that an object
 * that is a dictionary, whose names are data, gets an entry like its others.
 */
const withUnknownMembers = (answer: EmulatedAnswer): EmulatedAnswer => ({ ...answer, body: widened(answer.body) })

const widened = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(widened)
  if (typeof value !== "object" || value === null) return value
  const members = Object.entries(value).map(([name, member]) => [name, widened(member)] as const)
  return Object.fromEntries([...members, ["x_nobody_knows_yet", members[0]?.[1] ?? "new"]])
}
