/** What ten webhooks that never answer cost ninety that do. */
import { Effect } from "effect"
import { startNexus } from "./contenders/Nexus.ts"
import { latencies, pace } from "./Pace.ts"
import { median, quantile } from "./Quantile.ts"
import { Report } from "./Report.ts"
import type { Sink } from "./Sink.ts"

const perSecond = 500

/**
 * All webhooks get the same events in both kinds of rounds. In the one, ten of a hundred leave every request without an
 * answer; at its end they answer all, so that nothing is left for the next round.
 */
export const fairness = Effect.fnUntraced(function* (sink: Sink, seconds: number, rounds: number) {
  const report = yield* Report
  const urls = Array.from({ length: 100 }, (_, index) => {
    const hanging = index % 10 === 0 ? sink.hangingUrls[index / 10] : undefined
    return hanging === undefined ? `${sink.url}/nexus/${index}/timed` : `${hanging}/nexus/${index}`
  })
  const isHealthy = (index: number) => index % 10 !== 0
  const nexus = yield* startNexus("nexus_fairness", urls)
  const count = perSecond * seconds

  const measure = Effect.fnUntraced(function* (hang: boolean) {
    if (hang) yield* sink.hang
    const begunAt = yield* pace(count, perSecond, (index) => nexus.emit(index % urls.length, index))
    if (hang) yield* sink.release
    yield* nexus.drained
    const healthy = new Map(Array.from(begunAt).filter(([index]) => isHealthy(index)))
    return quantile(latencies(healthy, yield* sink.takeArrivals), 0.99)
  })

  yield* measure(false)
  const calm: Array<number> = []
  const beside: Array<number> = []
  for (let round = 0; round < rounds; round++) {
    calm.push(yield* measure(false))
    beside.push(yield* measure(true))
  }
  yield* report.table(
    "fairness",
    `Fairness: 90 webhooks at ${perSecond} events/s, beside 10 that answer and 10 that hang, ${rounds} rounds of ${seconds} s`,
    [
      {
        "p99 ms beside 10 that answer": median(calm).toFixed(1),
        "beside 10 that hang": median(beside).toFixed(1),
        ratio: median(beside.map((p99, round) => p99 / (calm[round] ?? Number.NaN))).toFixed(2)
      }
    ]
  )
})
