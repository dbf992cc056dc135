import { Effect } from "effect"
import { sharedMicros } from "./ChildProgram.ts"

/**
 * Emits events at a steady rate, each when its time has come, whether or not those before are through. Returns when each
 * emission began, in microseconds of the shared clock: latency counts from there, so that the commit is part of it.
 */
export const pace = Effect.fnUntraced(function* (
  count: number,
  perSecond: number,
  emit: (index: number) => Effect.Effect<void>
) {
  const begunAt = new Map<number, number>()
  const begin = performance.now()
  const one = Effect.fnUntraced(function* (index: number) {
    const wait = begin + (index * 1000) / perSecond - performance.now()
    if (wait > 0) yield* Effect.sleep(wait)
    begunAt.set(index, sharedMicros())
    yield* emit(index)
  })
  yield* Effect.forEach(Array.from({ length: count }).keys(), one, { concurrency: 100, discard: true })
  return begunAt
})

/** Milliseconds from each emission to its arrival; dies when one has not arrived. */
export const latencies = (begunAt: ReadonlyMap<number, number>, arrivals: ReadonlyMap<number, number>) =>
  Array.from(begunAt, ([index, begun]) => {
    const arrived = arrivals.get(index)
    if (arrived === undefined) throw new Error(`Event ${index} has not arrived`)
    return (arrived - begun) / 1000
  })
