/**
 * The benchmark: `npm run bench -- [section …] [--json]`. README.md beside it says what is measured and how.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Effect, Layer, Logger } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { BenchServer } from "./BenchServer.ts"
import { fairness } from "./Fairness.ts"
import { latency } from "./Latency.ts"
import { bulk, producers } from "./Producers.ts"
import { Report } from "./Report.ts"
import { startSink } from "./Sink.ts"
import { throughput } from "./Throughput.ts"

const sections = ["throughput", "producers", "latency", "fairness"] as const

const bench = Command.make(
  "bench",
  {
    sections: Argument.Literals("section", sections).pipe(Argument.variadic()),
    events: Flag.Int("events").pipe(
      Flag.withDescription("Deliveries in a round of throughput"),
      Flag.withDefault(20_000)
    ),
    rows: Flag.Int("rows").pipe(Flag.withDescription("Rows of the bulk insert"), Flag.withDefault(200_000)),
    rounds: Flag.Int("rounds").pipe(
      Flag.withDescription("Rounds of everything but fairness, which has twice as many"),
      Flag.withDefault(5)
    ),
    json: Flag.Boolean("json").pipe(Flag.withDescription("Print lines of JSON"), Flag.withDefault(false))
  },
  Effect.fnUntraced(function* (options) {
    const chosen = options.sections.length === 0 ? sections : options.sections
    const sink = yield* startSink
    const run = {
      throughput: throughput(sink, options.events, options.rounds),
      producers: Effect.andThen(producers(1, options.rounds), bulk(options.rows, options.rounds)),
      latency: latency(sink, 3, options.rounds),
      fairness: fairness(sink, 3, options.rounds * 2)
    }
    for (const section of chosen) yield* Effect.scoped(run[section])
  }, Effect.scoped)
).pipe(
  Command.provide(({ json }) =>
    Layer.mergeAll(BenchServer.layer, json ? Report.layerJson : Report.layerText, Logger.layer([]))
  )
)

Command.run(bench, { version: "1" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
