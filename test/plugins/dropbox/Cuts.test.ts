/** Connections that are cut at any byte, and files that come side by side. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { contentHashOf } from "../../../plugins/dropbox/ContentHash.ts"
import { chunkSize } from "../../../plugins/dropbox/UploadSession.ts"
import { bytesFile } from "../../support/BytesFile.ts"
import { dropbox, isAt, isOnce, makeExport, mebibyte } from "./DropboxStand.ts"

/** Numbers below one, always the same ones for a seed (mulberry32). */
const numbers = (seed: number) => {
  let state = seed
  return (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const small = bytesFile("contacts.csv", 1000)
const larger = bytesFile("contacts.csv", 3 * chunkSize + mebibyte)

describe("Connections that are cut at random", () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    it.live(`bytes leave one whole file (${seed})`, () =>
      Effect.gen(function* () {
        const random = numbers(seed)
        const { files, emulator, server } = yield* dropbox({ folder: "/Exports" })
        emulator.keepPartials(seed % 2 === 0)
        if (seed % 3 === 0) emulator.files.put("/Exports/contacts.csv", "another")
        for (let n = 0; n < 8; n++) {
          const kind = ([{ cutAfter: Math.floor(random() * chunkSize) }, "cutAnswer", "cut"] as const)[
            Math.floor(random() * 3)
          ]
          server.inject({ kind: kind ?? "cut", when: () => random() < 0.4 })
        }
        const { stored } = yield* makeExport(files).persist(larger)
        assert.strictEqual(stored.checksum, `content_hash:${yield* contentHashOf(larger)}`)
        yield* isOnce(emulator, larger, seed % 3 === 0 ? "contacts (1).csv" : "contacts.csv", ["Exports"])
        assert.strictEqual(emulator.files.all().length, seed % 3 === 0 ? 2 : 1)
      })
    )
  }

  it.live(
    "leave 300 MB whole, and no more than a chunk in memory",
    () =>
      Effect.gen(function* () {
        const random = numbers(7)
        const { files, emulator, server } = yield* dropbox()
        const file = bytesFile("contacts.csv", 300_000_001)
        for (let n = 0; n < 4; n++) {
          const kind = n % 2 === 0 ? ({ cutAfter: Math.floor(random() * chunkSize) } as const) : "cutAnswer"
          let left = 2 + 8 * n + Math.floor(random() * 8)
          server.inject({ kind, when: (request) => isAt("files/upload_session/append_v2")(request) && left-- === 0 })
        }
        const before = process.memoryUsage().heapUsed
        let most = 0
        const watched = {
          ...file,
          read: (range: Parameters<typeof file.read>[0]) => {
            assert.isAtMost(range.length, chunkSize)
            most = Math.max(most, process.memoryUsage().heapUsed - before)
            return file.read(range)
          }
        }
        const { stored, calls } = yield* makeExport(files).persist(watched)
        assert.deepStrictEqual([stored.size, calls], [file.size, 5])
        assert.isBelow(most, 64 * mebibyte)
        yield* isOnce(emulator, file)
      }),
    30_000
  )
})

describe("Several files", () => {
  it.live("that go to a new folder at once find themselves in one", () =>
    Effect.gen(function* () {
      const { files, emulator } = yield* dropbox({ folder: "/Exports/2026" })
      const all = [1, 2, 3].map((n) => bytesFile(`contacts-${n}.csv`, 1000 * n, n))
      yield* Effect.forEach(all, (file) => makeExport(files).put(file), { concurrency: "unbounded" })
      for (const file of all) yield* isOnce(emulator, file, file.name, ["Exports", "2026"])
    })
  )

  it.live("find their folder made anew once its user has deleted it", () =>
    Effect.gen(function* () {
      const { files, emulator } = yield* dropbox({ folder: "/Exports" })
      yield* makeExport(files).put(small)
      emulator.files.remove("/Exports")
      yield* makeExport(files).put(small)
      yield* isOnce(emulator, small, "contacts.csv", ["Exports"])
    })
  )

  it.live("of the same bytes and different names are two", () =>
    Effect.gen(function* () {
      const { files, emulator } = yield* dropbox()
      const twin = { ...small, name: "others.csv" }
      yield* makeExport(files).put(small)
      yield* makeExport(files).put(twin)
      assert.deepStrictEqual(
        emulator.files.all().map(({ name }) => name),
        ["contacts.csv", "others.csv"]
      )
    })
  )
})
