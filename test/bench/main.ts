/**
 * The benchmark: `npm run bench -- [section …] [--json]`. README.md beside it says what is measured and how.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Effect, Layer, Logger } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { BenchServer } from "./BenchServer.ts"
import { Report } from "./Report.ts"
import { startSink } from "./Sink.ts"
import { throughput } from "./Throughput.ts"

const sections = ["throughput", "producers", "latency", "fairness"] as const

const bench = Command.make(
  "bench",
  {
    sections: Argument.Literals("section", sections).pipe(Argument.variadic()),
    events: Flag.Int("events").pipe(Flag.withDefault(20_000)),
    rounds: Flag.Int("rounds").pipe(Flag.withDefault(5)),
    json: Flag.Boolean("json").pipe(Flag.withDefault(false))
  },
  Effect.fnUntraced(function* (options) {
    const chosen = options.sections.length === 0 ? sections : options.sections
    const sink = yield* startSink
    if (chosen.includes("throughput")) yield* Effect.scoped(throughput(sink, options.events, options.rounds))
  }, Effect.scoped)
).pipe(
  Command.provide(({ json }) =>
    Layer.mergeAll(BenchServer.layer, json ? Report.layerJson : Report.layerText, Logger.layer([]))
  )
)

Command.run(bench, { version: "1" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
