/** Deliveries per second and CPU per delivery, side by side with the peers. */
import { Effect } from "effect"
import { BenchServer } from "./BenchServer.ts"
import { cpuMicros } from "./ChildProgram.ts"
import { type BenchEvent, type Contender, makeEvents } from "./Contender.ts"
import { startGraphileWorker } from "./contenders/GraphileWorker.ts"
import { startNexus, webhookUrls } from "./contenders/Nexus.ts"
import { startPgBoss } from "./contenders/PgBoss.ts"
import { median } from "./Quantile.ts"
import { Report } from "./Report.ts"
import type { Sink } from "./Sink.ts"

interface Round {
  readonly perSecond: number
  readonly cpuMicros: number
  readonly statements: number
}

const batchSize = 1000

/** The clock runs from before the first insert to the last answer; CPU and statements count until all is written down. */
const runRound = Effect.fnUntraced(function* (contender: Contender, sink: Sink, events: ReadonlyArray<BenchEvent>) {
  const server = yield* BenchServer
  yield* contender.tidy
  yield* server.settle
  const statements = yield* contender.statements
  const cpu = cpuMicros(contender.pid)
  const allAnswered = yield* sink.expect(contender.name, events.length)
  const begin = performance.now()
  for (let index = 0; index < events.length; index += batchSize) {
    yield* contender.insert(events.slice(index, index + batchSize))
  }
  yield* allAnswered
  const seconds = (performance.now() - begin) / 1000
  yield* contender.drained
  return {
    perSecond: events.length / seconds,
    cpuMicros: (cpuMicros(contender.pid) - cpu) / events.length,
    statements: ((yield* contender.statements) - statements) / events.length
  } satisfies Round
})

/**
 * Every contender keeps its process for all rounds; a first one warms it up and doesn't count. Rounds are interleaved,
 * so that what else the machine does meets all alike.
 */
export const throughput = Effect.fnUntraced(function* (sink: Sink, count: number, rounds: number) {
  const report = yield* Report
  const events = makeEvents(count)
  const contenders: ReadonlyArray<Contender> = [
    yield* startNexus("nexus_throughput", webhookUrls(sink.url)),
    yield* startGraphileWorker(sink),
    yield* startPgBoss(sink)
  ]
  for (const contender of contenders) yield* runRound(contender, sink, events)
  const measured = new Map(contenders.map(({ name }) => [name, [] as Round[]]))
  for (let round = 0; round < rounds; round++) {
    for (const contender of contenders) {
      measured.get(contender.name)?.push(yield* runRound(contender, sink, events))
    }
  }
  const medianOf = (name: string, figure: (round: Round) => number) => median((measured.get(name) ?? []).map(figure))
  const rows = contenders.map(({ name }) => ({
    system: name,
    "deliveries/s": Math.round(medianOf(name, (_) => _.perSecond)),
    "us of CPU/delivery": Math.round(medianOf(name, (_) => _.cpuMicros)),
    "statements/delivery": medianOf(name, (_) => _.statements).toFixed(4),
    // Round by round, then the median: what slows a whole round down cancels out.
    "rate of nexus over it": ratio((round) => round.perSecond, name),
    "CPU of nexus over its": ratio((round) => round.cpuMicros, name)
  }))
  yield* report.table("throughput", `Throughput: ${count} deliveries to 100 webhooks, median of ${rounds} rounds`, rows)

  function ratio(figure: (round: Round) => number, name: string) {
    const own = measured.get("nexus") ?? []
    return median(
      (measured.get(name) ?? []).map((round, index) => {
        const ours = own[index]
        return ours === undefined ? Number.NaN : figure(ours) / figure(round)
      })
    ).toFixed(2)
  }
})
