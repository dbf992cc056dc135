import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

const run = (command: string, ...args: ReadonlyArray<string>) =>
  Effect.promise(() => promisify(execFile)(command, args)).pipe(
    Effect.map(({ stdout }): unknown => JSON.parse(stdout.trim().split("\n").at(-1) ?? "null"))
  )

const script = "test/egress/RuntimeProbe.ts"

const expected = {
  outcomes: ["ForbiddenUrl"],
  rebound: "ForbiddenUrl",
  arrivedWhileForbidden: 0,
  turns: ["200 4", "ForbiddenUrl"],
  arrivedAtTurned: [1, 0],
  exchanges: ["200 6", "200 6", "200 64", "200 4", "Timeout", "ENOTFOUND"],
  system: "200 6"
}

describe("Egress on each runtime", () => {
  it.effect("holds under Deno", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* run("node_modules/.bin/deno", "run", "-A", "--quiet", script), expected)
    })
  )

  it.effect("holds under Node, by the same script", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* run(process.execPath, script), expected)
    })
  )
})
