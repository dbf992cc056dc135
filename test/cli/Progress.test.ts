import { assert, describe, it } from "@effect/vitest"
import { Effect, Sink, Stdio } from "effect"
import { withProgress } from "../../src/cli/Progress.ts"

/** What is written to the standard error while some work is done. */
const shown = Effect.fnUntraced(function* (isTerminal: boolean) {
  const texts: Array<string> = []
  const write = (text: string | Uint8Array) => Effect.sync(() => void texts.push(String(text)))
  const stdio = Stdio.layerTest({
    stderrIsTerminal: Effect.succeed(isTerminal),
    stderr: () => Sink.forEach(write)
  })
  const asked: Array<string> = []
  const total = Effect.sync(() => {
    asked.push("total")
    return 4
  })
  const result = yield* withProgress(total, (onProgress) =>
    Effect.andThen(Effect.andThen(onProgress(1), onProgress(9)), Effect.succeed("done"))
  ).pipe(Effect.provide(stdio))
  assert.strictEqual(result, "done")
  return { texts, asked }
})

describe("The progress of a command", () => {
  it.effect("is a bar on a terminal, which is wiped away at the end", () =>
    Effect.gen(function* () {
      const { texts } = yield* shown(true)
      assert.deepStrictEqual(texts, [
        `\r${"█".repeat(8)}${"░".repeat(22)}  25 %`,
        `\r${"█".repeat(30)} 100 %`,
        "\r\u001b[K"
      ])
    })
  )

  it.effect("is nothing elsewhere, and nothing is counted for it", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* shown(false), { texts: [], asked: [] })
    })
  )
})
