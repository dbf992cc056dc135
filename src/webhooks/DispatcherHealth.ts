import { Clock, Context, Effect, Layer } from "effect"

/** How the dispatcher of this process is doing, for readiness. */
export class DispatcherHealth extends Context.Service<
  DispatcherHealth,
  {
    /** The database answered a claim just now. */
    readonly claimed: Effect.Effect<void>
    /** The process is stopping: it takes no new work, and should get none. */
    readonly stopping: Effect.Effect<void>
    /** Milliseconds since the last claim, null before the first; and whether the process is stopping. */
    readonly report: Effect.Effect<{ readonly sinceClaimMillis: number | null; readonly isStopping: boolean }>
  }
>()("nexus/webhooks/DispatcherHealth") {
  static readonly layer = Layer.effect(
    DispatcherHealth,
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
      let lastClaim: number | null = null
      let isStopping = false
      return DispatcherHealth.of({
        claimed: Effect.sync(() => {
          lastClaim = now()
        }),
        stopping: Effect.sync(() => {
          isStopping = true
        }),
        report: Effect.sync(() => ({ sinceClaimMillis: lastClaim === null ? null : now() - lastClaim, isStopping }))
      })
    })
  )
}
