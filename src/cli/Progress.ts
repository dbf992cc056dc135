import { Effect, Stdio, Stream } from "effect"

const width = 30

/**
 * A bar on the standard error that grows with what is done of `total`: where that is a terminal, else nothing is
 * shown. It is wiped away when the work is over. `total` is asked only where it is shown.
 */
export const withProgress = Effect.fnUntraced(function* <A, E, R, E2, R2>(
  total: Effect.Effect<number, E2, R2>,
  work: (onProgress: (done: number) => Effect.Effect<void>) => Effect.Effect<A, E, R>
) {
  const stdio = yield* Stdio.Stdio
  if (!(yield* stdio.stderrIsTerminal)) return yield* work(() => Effect.void)
  const whole = Math.max(1, yield* total)
  const show = (text: string) =>
    Stream.succeed(text).pipe(Stream.run(stdio.stderr({ endOnDone: false })), Effect.ignore)
  const bar = (done: number) => {
    const share = Math.min(1, done / whole)
    const full = Math.round(share * width)
    return show(`\r${"█".repeat(full)}${"░".repeat(width - full)} ${String(Math.floor(share * 100)).padStart(3)} %`)
  }
  return yield* Effect.ensuring(work(bar), show("\r\u001b[K"))
})
