import { Effect } from "effect"
import { Outcome } from "./Outcome.ts"
import type { ProviderError } from "./ProviderError.ts"

/** How many culprits are looked for one by one. Each costs calls, and so many have something else in common. */
const mostCulprits = 100

/**
 * For providers that refuse a whole call for one bad record: sends the inputs and, when they are `Rejected`, sends each
 * half of them, until the culprits stand alone and have their own `Outcome.Rejected`. Other errors fail it at once. With
 * one culprit among n inputs it takes about 2 log2(n) calls more. After a hundred culprits the inputs that are left are
 * not tried: they are rejected as retryable, and go out with the next run.
 */
export const byHalves = <A>(
  inputs: ReadonlyArray<A>,
  send: (inputs: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<Outcome>, ProviderError>
): Effect.Effect<ReadonlyArray<Outcome>, ProviderError> => {
  let culprits = 0
  const divide = (part: ReadonlyArray<A>): Effect.Effect<ReadonlyArray<Outcome>, ProviderError> => {
    if (part.length === 0) return Effect.succeed([])
    if (culprits >= mostCulprits) return Effect.succeed(part.map(() => untried))
    return Effect.catchReason(send(part), "ProviderError", "Rejected", ({ field }, { detail }) => {
      if (part.length === 1) {
        culprits++
        const named = field === null ? {} : { field }
        return Effect.succeed([Outcome.Rejected({ reason: detail, retryable: false, ...named })])
      }
      const half = Math.ceil(part.length / 2)
      return Effect.zipWith(
        divide(part.slice(0, half)),
        Effect.suspend(() => divide(part.slice(half))),
        (first, second) => [...first, ...second]
      )
    })
  }
  return Effect.suspend(() => divide(inputs))
}

const untried = Outcome.Rejected({
  reason: "Too many contacts beside this one were refused, so it was not tried. Sync again when those are mended",
  retryable: true
})
