import { Effect } from "effect"
import { Outcome } from "./Outcome.ts"
import type { ProviderError } from "./ProviderError.ts"

/**
 * For providers that refuse a whole call for one bad record: sends the inputs and, when they are `Rejected`, sends each
 * half of them, until the culprits stand alone and have their own `Outcome.Rejected`. Other errors fail it at once. With
 * one culprit among n inputs it takes about 2 log2(n) calls more.
 */
export const byHalves = <A>(
  inputs: ReadonlyArray<A>,
  send: (inputs: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<Outcome>, ProviderError>
): Effect.Effect<ReadonlyArray<Outcome>, ProviderError> => {
  if (inputs.length === 0) return Effect.succeed([])
  return Effect.catchReason(send(inputs), "ProviderError", "Rejected", ({ field }, { detail }) => {
    if (inputs.length === 1) {
      const named = field === null ? {} : { field }
      return Effect.succeed([Outcome.Rejected({ reason: detail, retryable: false, ...named })])
    }
    const half = Math.ceil(inputs.length / 2)
    return Effect.zipWith(
      byHalves(inputs.slice(0, half), send),
      byHalves(inputs.slice(half), send),
      (first, second) => [...first, ...second]
    )
  })
}
