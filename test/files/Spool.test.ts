import { createHash } from "node:crypto"
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Stream } from "effect"
import { makeSpool } from "../../src/files/Spool.ts"

const named = { name: "a.csv", mimeType: "text/csv" }

/** Makes a spool whose temporary files are in one folder. */
const spoolIn = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped()
  const makeTempFileScoped: typeof fs.makeTempFileScoped = (options) => fs.makeTempFileScoped({ ...options, directory })
  const spool = yield* Effect.provideService(makeSpool, FileSystem.FileSystem, { ...fs, makeTempFileScoped })
  return { spool, names: fs.readDirectory(directory) }
})

layer(NodeServices.layer)("A file on its way", (it) => {
  it.effect("is read in any parts, and by several at once", () =>
    Effect.gen(function* () {
      const { spool } = yield* spoolIn
      const bytes = Uint8Array.from({ length: 600_000 }, (_, n) => (n * n) % 251)
      const file = yield* spool(Stream.make(bytes.subarray(0, 100_000), bytes.subarray(100_000)), named)
      assert.strictEqual(file.size, bytes.length)
      const ranges = [0, 1, 262_143, 262_144, 599_999, 600_000].flatMap((from) =>
        [0, 1, 262_145, 600_000].map((length) => ({ from, length }))
      )
      const parts = yield* Effect.forEach(ranges, file.read, { concurrency: "unbounded" })
      for (const [n, { from, length }] of ranges.entries()) {
        assert.isTrue(Buffer.from(bytes.subarray(from, from + length)).equals(parts[n] ?? Buffer.of(1)))
      }
      const sha = (part: Uint8Array) => createHash("sha256").update(part).digest("hex")
      assert.strictEqual(yield* file.digest("sha256"), sha(bytes))
      assert.strictEqual(yield* file.digest("sha256", { from: 5, length: 300_000 }), sha(bytes.subarray(5, 300_005)))
      const none = yield* spool(Stream.empty, named)
      assert.deepEqual([none.size, yield* none.digest("sha256")], [0, sha(new Uint8Array())])
    }).pipe(Effect.scoped)
  )

  it.effect("has no name while it is written or read, so that nobody opens it and a crash leaves none", () =>
    Effect.gen(function* () {
      const { spool, names } = yield* spoolIn
      const seen: Array<ReadonlyArray<string>> = []
      const look = Effect.tap(names, (names) => Effect.sync(() => seen.push(names)))
      const content = Stream.fromEffect(Effect.as(Effect.orDie(look), Uint8Array.of(1, 2)))
      const file = yield* spool(content, named)
      yield* look
      assert.deepStrictEqual(seen, [[], []])
      assert.deepEqual([...(yield* file.read({ from: 0, length: 2 }))], [1, 2])
    }).pipe(Effect.scoped)
  )

  it.effect("fails for a disk that is full, or a folder that is not there", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      for (const path of ["/dev/full", "/dev/null/nowhere"]) {
        const full = { ...fs, makeTempFileScoped: () => Effect.succeed(path) }
        const spool = yield* Effect.provideService(makeSpool, FileSystem.FileSystem, full)
        const { message } = yield* Effect.flip(spool(Stream.make(Uint8Array.of(1)), named))
        assert.match(message, /could not write the file to its own disk/)
      }
    }).pipe(Effect.scoped)
  )
})
