import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Fault } from "nexus-integrations/plugin/testing"
import { bytesFile } from "../../support/BytesFile.ts"
import { chunk, driving, MiB, makeKept, random, withDigests } from "./Driving.ts"

const nth = (n: number) => {
  let seen = 0
  return () => seen++ === n
}

describe("What is lost on the way to Google Drive", () => {
  for (const [what, size] of [
    ["a small file", 1000],
    ["a large file", chunk + 1]
  ] as const) {
    for (const kind of ["cut", "cutAnswer", { cutAfter: 10 }] as const) {
      const lost = { cut: "request", cutAnswer: "answer" }[String(kind)] ?? "end of the request"
      it.live(`makes no second file, and no second folder: ${what}, the ${lost}, at each request`, () =>
        Effect.gen(function* () {
          const file = withDigests(bytesFile("export.csv", size))
          for (let n = 0; ; n++) {
            const { bring, server, emulator } = yield* driving
            server.inject({ kind, when: nth(n) })
            const { stored, failures } = yield* bring(file)
            assert.strictEqual(stored.checksum, `sha256:${yield* file.digest("sha256")}`, `request ${n}`)
            assert.deepStrictEqual(
              emulator.files.all().map(({ name, folder }) => [name, ...folder]),
              [["export.csv", "Nexus"]],
              `request ${n}`
            )
            assert.deepStrictEqual(emulator.drive.folders(), ["Nexus"], `request ${n}`)
            assert.isAtMost(failures, 1)
            if (n > 4 && failures === 0 && server.requests.length <= n) break
          }
        })
      )
    }
  }

  it.live("at random bytes of random requests makes one whole file, whatever its size", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 12; seed++) {
        const next = random(seed)
        const size = Math.floor(next() * 3 * chunk)
        const file = withDigests(bytesFile("export.csv", size, seed))
        const { bring, server, emulator } = yield* driving
        for (const fault of faults(next, 8)) server.inject(fault)
        const { stored } = yield* bring(file)
        assert.strictEqual(stored.checksum, `sha256:${yield* file.digest("sha256")}`, `seed ${seed}, ${size} bytes`)
        assert.strictEqual(emulator.files.all().length, 1, `seed ${seed}, ${size} bytes`)
        assert.deepStrictEqual(emulator.drive.folders(), ["Nexus"])
      }
    })
  )

  it.live(
    "costs 300 MB no more than what was lost, and no memory",
    () =>
      Effect.gen(function* () {
        const file = withDigests(bytesFile("export.csv", 300_000_001))
        const { bring, server, emulator } = yield* driving
        for (const fault of faults(random(7), 10)) server.inject(fault)
        // An endless heap would show in whole files of it; the chunks themselves lie outside.
        const before = process.memoryUsage().heapUsed
        let read = 0
        let most = before
        const watched = {
          ...file,
          read: (range: { readonly from: number; readonly length: number }) => {
            assert.isAtMost(range.length, chunk)
            read += range.length
            most = Math.max(most, process.memoryUsage().heapUsed)
            return file.read(range)
          }
        }
        const { stored, failures } = yield* bring(watched)
        assert.strictEqual(stored.checksum, `sha256:${yield* file.digest("sha256")}`)
        assert.deepStrictEqual(
          emulator.files.all().map(({ size }) => size),
          [file.size]
        )
        assert.isAbove(failures, 3)
        assert.isAtMost(read, file.size + failures * chunk)
        assert.isBelow(most - before, 64 * MiB)
      }),
    { timeout: 60_000 }
  )

  it.live("leaves no trace when two uploads make the folder at the same moment", () =>
    Effect.gen(function* () {
      const { put, emulator } = yield* driving
      const names = ["a.csv", "b.csv", "c.csv"]
      yield* Effect.forEach(names, (name) => put(bytesFile(name, 100), makeKept().next()), { concurrency: "unbounded" })
      assert.deepStrictEqual(emulator.drive.folders(), ["Nexus"])
      assert.sameMembers(
        emulator.files.all().map(({ name }) => name),
        names
      )
    })
  )

  it.live("is not looked for again by the plugin itself: each fault is told at once", () =>
    Effect.gen(function* () {
      for (let n = 0; n < 7; n++) {
        const { put, server, emulator } = yield* driving
        server.inject({ kind: emulator.failures.unavailable, when: nth(n) })
        const failure = yield* Effect.flip(put(bytesFile("a.csv", 2 * chunk), makeKept().next()))
        assert.strictEqual(failure.reason._tag, "Unavailable")
        assert.strictEqual(server.requests.length, n + 1)
      }
    })
  )

  it.live("is nothing when two calls bring the same file with the same state, as after a lost lease", () =>
    Effect.gen(function* () {
      const { bring, put, server, emulator } = yield* driving
      const kept = makeKept()
      server.inject({
        kind: "cut",
        when: ({ headers }) => headers["content-range"]?.startsWith(`bytes ${chunk}-`) === true
      })
      const file = bytesFile("a.csv", 3 * chunk)
      yield* Effect.flip(put(file, kept.next()))
      const state = kept.state()
      yield* Effect.forEach([1, 2], () => bring(file, makeKept(state)), { concurrency: "unbounded" })
      assert.strictEqual(emulator.files.all().length, 1)
    })
  )
})

/** Cuts of random kinds at random bytes of requests that bring bytes, and of others. */
const faults = (next: () => number, count: number): ReadonlyArray<Fault> =>
  Array.from({ length: count }, () => {
    const kind = next()
    const isSkipped = 0.5 + next() / 2
    return {
      kind: kind < 0.15 ? "cut" : kind < 0.35 ? "cutAnswer" : { cutAfter: Math.floor(next() * chunk) },
      when: ({ method }) => (method === "PUT" || method === "POST") && next() > isSkipped
    }
  })
