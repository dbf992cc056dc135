/** Uploads that go on where they were, and those that can't: chunks, sessions, other processes. */
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

const small = bytesFile("contacts.csv", 100_000)
const large = bytesFile("contacts.csv", chunkSize + mebibyte)

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

describe("A token that ends in the middle", () => {
  it.live("is Unauthorized, and another one goes on with the session", () =>
    Effect.gen(function* () {
      const { files, open, emulator, server } = yield* dropbox()
      const upload = makeExport(files)
      const ending = {
        ...large,
        read: (range: Parameters<typeof large.read>[0]) => {
          if (range.from > 0) emulator.oauth.expire()
          return large.read(range)
        }
      }
      const error = yield* Effect.flip(upload.put(ending))
      assert.deepStrictEqual([error.reason._tag, error.detail], ["Unauthorized", "The access token has expired"])
      const from = server.requests.length
      const { accessToken } = emulator.oauth.give(["files.content.write", "files.metadata.read"])
      const renewed = (yield* open({ ...emulator.credentials, accessToken })).files
      assert.isDefined(renewed)
      yield* renewed.put(large, { kept: upload.states.at(-1) ?? null, keep: () => Effect.void })
      assert.deepStrictEqual(routes(server, from), [append, finish])
      yield* isOnce(emulator, large)
    })
  )
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
      assert.strictEqual((yield* upload.persist(other)).calls, 1)
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
