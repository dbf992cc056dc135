import { Effect, Schema } from "effect"
import { startProgram } from "./ChildProgram.ts"

/** What the sink's process can be told. */
export type SinkOrder =
  | { readonly _tag: "Expect"; readonly system: string; readonly count: number }
  | { readonly _tag: "Hang" }
  | { readonly _tag: "Release" }
  | { readonly _tag: "Take" }

/** The process that receives what contenders send. */
export interface Sink {
  readonly url: string
  /** URLs on origins of their own, which hang while they are told to. */
  readonly hangingUrls: ReadonlyArray<string>
  /** Counts a system's answers from now on; the effect that it returns waits until there are so many. */
  expect(system: string, count: number): Effect.Effect<Effect.Effect<void>>
  /** Leaves requests to the hanging URLs without an answer, until `release` gives it. */
  readonly hang: Effect.Effect<void>
  readonly release: Effect.Effect<void>
  /** When timed events arrived, by their index, in microseconds of the shared clock; forgets them. */
  readonly takeArrivals: Effect.Effect<ReadonlyMap<number, number>>
}

const Ports = Schema.Struct({ ports: Schema.Array(Schema.Number) })
const Answered = Schema.Struct({ answered: Schema.Number })
const Arrivals = Schema.Struct({ arrivals: Schema.Array(Schema.Tuple([Schema.Finite, Schema.Finite])) })

/** Starts a sink for the current scope. */
export const startSink = Effect.gen(function* () {
  const program = yield* startProgram("test/bench/SinkProgram.ts")
  const { ports } = yield* program.receive(Ports)
  const [url = "", ...hangingUrls] = ports.map((port) => `http://127.0.0.1:${port}`)
  const tell = (order: SinkOrder) => program.send(order)
  return {
    url,
    hangingUrls,
    expect: (system, count) =>
      Effect.as(tell({ _tag: "Expect", system, count }), Effect.asVoid(program.receive(Answered))),
    hang: tell({ _tag: "Hang" }),
    release: tell({ _tag: "Release" }),
    takeArrivals: tell({ _tag: "Take" }).pipe(
      Effect.andThen(program.receive(Arrivals)),
      Effect.map(({ arrivals }) => new Map(arrivals))
    )
  } satisfies Sink
})
