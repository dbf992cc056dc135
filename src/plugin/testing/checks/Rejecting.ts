import { Effect, Option } from "effect"
import { type Check, expect, makeCheck } from "../Check.ts"
import type { OpenStand } from "../Stand.ts"
import { shown, type Trial, tryContacts } from "../Trial.ts"

const bad = 3
const position = bad - 1

export const rejectingChecks = (open: OpenStand): ReadonlyArray<Check> => [
  makeCheck(
    "one bad contact of a batch is rejected alone, with a reason in words",
    Effect.gen(function* () {
      const trial = yield* tryContacts(open())
      if (Option.isNone(trial)) return "does not apply"
      yield* rejectsOne(trial.value)
    })
  )
]

/** Brings five contacts of which one is bad, and fails unless exactly that one is refused for good. */
export const rejectsOne = Effect.fnUntraced(function* ({ bring, some, there, hasJobs, expectOnce, provider }: Trial) {
  const { field, value } = there.refusedValue
  yield* expect(field === "email" || provider.contacts?.mapping[field] !== undefined, {
    expected: "The emulator's refusedValue is one of a field that the default mapping has.",
    happened: `It is one of ${field}, which is not mapped.`,
    advice: "Name another field of ours, with a value that the provider refuses."
  })
  const batch = [1, 2, 3, 4, 5].flatMap((n) => some([n], n === bad ? { [field]: value } : {}))
  const outcomes = yield* bring(batch)
  const good = outcomes.filter((_, index) => index !== position)
  const culprit = outcomes[position]
  // A provider that works in the background may only tell that the contact is not there.
  const isRefused = culprit?._tag === "Rejected" || (hasJobs && culprit?._tag === "Unconfirmed")
  yield* expect(
    isRefused && good.every(({ _tag }) => /^(Created|Updated)$/.test(_tag) || (hasJobs && _tag === "Unconfirmed")),
    {
      expected: "Of five contacts the third one is bad, and it alone is Rejected.",
      happened: `The outcomes are ${shown(outcomes)}.`,
      advice: "Read the result of each contact; where the provider refuses the whole call, byHalves finds the culprit."
    }
  )
  yield* expectOnce(
    batch.filter((_, index) => index !== position),
    "beside a bad one"
  )
  if (culprit?._tag !== "Rejected") return
  yield* expect(isSentence(culprit.reason), {
    expected: "The reason of a rejected contact is a sentence for its user.",
    happened: `It is "${culprit.reason}".`,
    advice: "Give the provider's words, without its codes, bodies and pages."
  })
  yield* expect(!culprit.retryable, {
    expected: "A contact whose value is refused is not retryable: it is sent again when it has changed.",
    happened: "It is marked as retryable.",
    advice: "Keep retryable for what passes by itself, such as a lock."
  })
})

const isSentence = (reason: string) =>
  /\p{L}{2,}.*\s.*\p{L}{2,}/u.test(reason) && !/^\s*[[{<]|\[object |\bundefined\b|\bNaN\b/.test(reason)
