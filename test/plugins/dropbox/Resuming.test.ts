/** Uploads whose connection is cut, whose answers are lost, or whose process dies: in the end the file is there, once. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { json } from "nexus-integrations/plugin/testing"
import { contentHashOf } from "../../../plugins/dropbox/ContentHash.ts"
import { chunkSize } from "../../../plugins/dropbox/UploadSession.ts"
import { bytesFile } from "../../support/BytesFile.ts"
import { argumentsOf, dropbox, isAt, isOnce, makeExport, mebibyte, routes } from "./DropboxStand.ts"

const start = "files/upload_session/start"
const append = "files/upload_session/append_v2"
const finish = "files/upload_session/finish"

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

const small = bytesFile("contacts.csv", 100_000)
const large = bytesFile("contacts.csv", chunkSize + mebibyte)
const larger = bytesFile("contacts.csv", 3 * chunkSize + mebibyte)

describe("A lost answer", () => {
  for (const taken of [false, true]) {
    const name = taken ? "contacts (1).csv" : "contacts.csv"
    const where = taken ? " where its name was taken" : ""

    it.live(`of the only request leaves one file${where}`, () =>
      Effect.gen(function* () {
        const { files, emulator, server } = yield* dropbox()
        if (taken) emulator.files.put("/contacts.csv", "another")
        server.inject({ kind: "cutAnswer" })
        const { stored, calls } = yield* makeExport(files).persist(small)
        assert.deepStrictEqual([stored.name, calls], [name, 2])
        yield* isOnce(emulator, small, name)
        assert.strictEqual(routes(server).filter((route) => route === "files/upload").length, 1)
      })
    )

    for (const [position, what] of [start, append, append, finish].entries()) {
      it.live(`of request ${position + 1} of a session (${what}) leaves one file${where}`, () =>
        Effect.gen(function* () {
          const { files, emulator, server } = yield* dropbox()
          if (taken) emulator.files.put("/contacts.csv", "another")
          let seen = 0
          server.inject({ kind: "cutAnswer", when: () => seen++ === position })
          const { stored, calls } = yield* makeExport(files).persist(large)
          assert.deepStrictEqual([stored.name, calls], [name, 2])
          yield* isOnce(emulator, large, name)
          assert.strictEqual(routes(server)[position], what)
        })
      )
    }
  }

  it.live("is found among thousands of files", () =>
    Effect.gen(function* () {
      const { files, emulator, server } = yield* dropbox({ folder: "/Exports" })
      emulator.files.put("/Exports/contacts.csv", "another")
      for (let n = 0; n < 2100; n++) emulator.files.put(`/Exports/older-${n}.csv`, String(n))
      server.inject({ kind: "cutAnswer" })
      const { stored } = yield* makeExport(files).persist(small)
      assert.strictEqual(stored.name, "contacts (1).csv")
      yield* isOnce(emulator, small, "contacts (1).csv", ["Exports"])
      assert.deepStrictEqual(routes(server, 1), [
        "files/get_metadata",
        "files/list_folder",
        "files/list_folder/continue"
      ])
      assert.deepStrictEqual(argumentsOf(server, "files/list_folder"), [{ path: "/Exports", limit: 2000 }])
    })
  )

  it.live("is looked for anew when the listing was reset", () =>
    Effect.gen(function* () {
      const { files, emulator, server } = yield* dropbox()
      emulator.files.put("/contacts.csv", "another")
      for (let n = 0; n < 2100; n++) emulator.files.put(`/older-${n}.csv`, String(n))
      server.inject({ kind: "cutAnswer" })
      server.inject({
        kind: json(409, { error_summary: "reset/..", error: { ".tag": "reset" } }),
        when: isAt("files/list_folder/continue")
      })
      assert.strictEqual((yield* makeExport(files).persist(small)).calls, 3)
      yield* isOnce(emulator, small, "contacts (1).csv")
    })
  )

  it.live("of finish is found by finish itself when the session is over", () =>
    Effect.gen(function* () {
      const { files, emulator, server } = yield* dropbox()
      // The file is there and not yet to be seen when the next call looks for it.
      server.inject({ kind: "cutAnswer", when: isAt(finish) })
      server.inject({
        kind: json(409, { error_summary: "path/not_found/", error: { ".tag": "path", path: { ".tag": "not_found" } } }),
        when: isAt("files/get_metadata")
      })
      yield* makeExport(files).persist(large)
      yield* isOnce(emulator, large)
      assert.deepStrictEqual(routes(server, 3), [finish, "files/get_metadata", finish, "files/get_metadata"])
    })
  )
})

describe("A chunk", () => {
  it.live("that came although its answer was lost is not sent again", () =>
    Effect.gen(function* () {
      const { files, emulator, server } = yield* dropbox()
      server.inject({ kind: "cutAnswer", when: isAt(append) })
      yield* makeExport(files).persist(large)
      const offsets = argumentsOf(server, append).map(
        (argument) => JSON.stringify(argument).match(/"offset":(\d+)/)?.[1]
      )
      // Asked at the old place, it said that it was at the next.
      assert.deepStrictEqual(offsets, ["0", "0", String(chunkSize)])
      yield* isOnce(emulator, large)
    })
  )

  it.live("of which a part came is gone on with in the middle", () =>
    Effect.gen(function* () {
      const { files, emulator, server } = yield* dropbox()
      emulator.keepPartials(true)
      server.inject({ kind: { cutAfter: 3_000_001 }, when: isAt(append) })
      yield* makeExport(files).persist(large)
      const offsets = argumentsOf(server, append).map(
        (argument) => JSON.stringify(argument).match(/"offset":(\d+)/)?.[1]
      )
      assert.includeMembers(offsets, ["3000001"])
      yield* isOnce(emulator, large)
    })
  )

  it.live("that is damaged on its way is sent again", () =>
    Effect.gen(function* () {
      const { files, emulator, server } = yield* dropbox()
      const mismatch = { error_summary: "content_hash_mismatch/..", error: { ".tag": "content_hash_mismatch" } }
      server.inject({ kind: json(409, mismatch), when: isAt(append) })
      const upload = makeExport(files)
      const error = yield* Effect.flip(upload.put(large))
      assert.deepStrictEqual([error.reason._tag, error.detail], ["Unavailable", "The file came across damaged"])
      yield* upload.persist(large)
      yield* isOnce(emulator, large)
    })
  )
})

describe("A session", () => {
  it.live("that is gone is begun anew", () =>
    Effect.gen(function* () {
      const { files, emulator, server } = yield* dropbox()
      server.inject({ kind: "cut", when: ({ headers }) => headers["dropbox-api-arg"]?.includes("8388608") === true })
      const upload = makeExport(files)
      yield* Effect.flip(upload.put(large))
      emulator.expireSessions()
      yield* upload.put(large)
      yield* isOnce(emulator, large)
      assert.strictEqual(routes(server).filter((route) => route === start).length, 2)
    })
  )

  it.live("that is gone when it is to be finished is begun anew", () =>
    Effect.gen(function* () {
      const { files, emulator, server } = yield* dropbox()
      server.inject({ kind: "cut", when: isAt(finish) })
      const upload = makeExport(files)
      yield* Effect.flip(upload.put(large))
      emulator.expireSessions()
      yield* upload.put(large)
      yield* isOnce(emulator, large)
    })
  )

  it.live("goes on where finish says that it is", () =>
    Effect.gen(function* () {
      const { files, emulator, server } = yield* dropbox()
      const inner = { ".tag": "incorrect_offset", correct_offset: chunkSize }
      const behind = {
        error_summary: "lookup_failed/incorrect_offset/.",
        error: { ".tag": "lookup_failed", lookup_failed: inner }
      }
      server.inject({ kind: json(409, behind), when: isAt(finish) })
      yield* makeExport(files).put(large)
      yield* isOnce(emulator, large)
      // It was at its end all the same, and said so.
      assert.deepStrictEqual(routes(server, 3), [finish, append, finish])
    })
  )

  it.live("that never is where it says is given up for now", () =>
    Effect.gen(function* () {
      const { files, server } = yield* dropbox()
      const astray = { error_summary: "incorrect_offset/.", error: { ".tag": "incorrect_offset", correct_offset: 5 } }
      server.inject({ kind: json(409, astray), when: isAt(append), times: 1000 })
      const error = yield* Effect.flip(makeExport(files).put(large))
      assert.deepStrictEqual([error.reason._tag, error.detail], ["Unavailable", "Dropbox lost track of the upload"])
      assert.isBelow(server.requests.length, 10)
    })
  )

  for (const [what, offset] of [
    ["further than the file is long", 1e12],
    ["nowhere", -1]
  ] as const) {
    it.live(`that is ${what} is begun anew`, () =>
      Effect.gen(function* () {
        const { files, emulator, server } = yield* dropbox()
        const error = { ".tag": "incorrect_offset", correct_offset: offset }
        server.inject({ kind: json(409, { error_summary: "incorrect_offset/", error }), when: isAt(append) })
        yield* makeExport(files).put(large)
        yield* isOnce(emulator, large)
      })
    )
  }
})

describe("After a crash", () => {
  it.live("another process goes on with the session", () =>
    Effect.gen(function* () {
      const { files, open, emulator, server } = yield* dropbox()
      server.inject({ kind: "cut", when: ({ headers }) => headers["dropbox-api-arg"]?.includes("8388608") === true })
      const upload = makeExport(files)
      yield* Effect.flip(upload.put(large))
      const from = server.requests.length
      const other = (yield* open()).files
      assert.isDefined(other)
      yield* other.put(large, { kept: upload.states.at(-1) ?? null, keep: () => Effect.void })
      assert.deepStrictEqual(routes(server, from), [append, finish])
      yield* isOnce(emulator, large)
    })
  )

  it.live("an unfinished session of other bytes is begun anew", () =>
    Effect.gen(function* () {
      const { files, emulator, server } = yield* dropbox()
      server.inject({ kind: "cut", when: ({ headers }) => headers["dropbox-api-arg"]?.includes("8388608") === true })
      const upload = makeExport(files)
      yield* Effect.flip(upload.put(large))
      const other = bytesFile("contacts.csv", large.size, 2)
      yield* upload.persist(other)
      yield* isOnce(emulator, other)
      assert.strictEqual(emulator.files.all().length, 1)
    })
  )

  for (const [what, file] of [
    ["in one request", small],
    ["in a session", large]
  ] as const) {
    it.live(`a file of other bytes that was finished ${what} counts as done`, () =>
      Effect.gen(function* () {
        const { files, emulator, server } = yield* dropbox()
        server.inject({ kind: "cutAnswer", when: ({ path }) => path === "/2/files/upload" || path === `/2/${finish}` })
        const upload = makeExport(files)
        yield* Effect.flip(upload.put(file))
        const stored = yield* upload.put(bytesFile("contacts.csv", file.size + 1, 3))
        assert.deepInclude(stored, { size: file.size, checksum: `content_hash:${yield* contentHashOf(file)}` })
        yield* isOnce(emulator, file)
        assert.strictEqual(emulator.files.all().length, 1)
      })
    )
  }

  it.live("the folder may be another one, and a finished file is found where it went", () =>
    Effect.gen(function* () {
      const { files, open, emulator, server } = yield* dropbox({ folder: "/Old" })
      server.inject({ kind: "cutAnswer" })
      const upload = makeExport(files)
      yield* Effect.flip(upload.put(small))
      const other = (yield* open(undefined, { folder: "/New" })).files
      assert.isDefined(other)
      yield* other.put(small, { kept: upload.states.at(-1) ?? null, keep: () => Effect.void })
      yield* isOnce(emulator, small, "contacts.csv", ["Old"])
    })
  )

  it.live("what can't be read any more counts as nothing", () =>
    Effect.gen(function* () {
      const { files, emulator } = yield* dropbox()
      yield* files.put(small, { kept: '{"of":"an older version"}', keep: () => Effect.void })
      yield* isOnce(emulator, small)
    })
  )
})

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
          server.inject({ kind, when: ({ path }) => path === `/2/${append}` && left-- === 0 })
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
