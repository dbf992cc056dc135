import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { bytesFile } from "../../support/BytesFile.ts"
import { chunk, driving, KiB, line, makeKept } from "./Driving.ts"

const size = 3 * chunk + 1000
const file = bytesFile("contacts.csv", size)

/** The ranges that were sent or asked for, since a request. */
const ranges = (requests: ReadonlyArray<{ readonly headers: Readonly<Record<string, string>> }>, from = 0) =>
  requests.slice(from).flatMap(({ headers }) => headers["content-range"] ?? [])

const sent = (from: number, to: number) => `bytes ${from}-${to - 1}/${size}`
const asks = `bytes */${size}`

/** The plugin with an upload that stopped before its n-th chunk arrived, counted from 0. */
const stopped = (n: number) =>
  Effect.gen(function* () {
    const drive = yield* driving
    const kept = makeKept()
    drive.server.inject({
      kind: "cut",
      when: ({ headers }) => headers["content-range"] === sent(n * chunk, Math.min(size, (n + 1) * chunk))
    })
    const failure = yield* Effect.flip(drive.put(file, kept.next()))
    assert.strictEqual(failure.reason._tag, "Unavailable")
    return { ...drive, kept, before: drive.server.requests.length }
  })

describe("An upload session of Google Drive", () => {
  it.live("goes on where Drive says that it is, in another process too", () =>
    Effect.gen(function* () {
      const { put, server, emulator, kept, before } = yield* stopped(2)
      yield* put(file, kept.next())
      assert.deepStrictEqual(ranges(server.requests, before), [asks, sent(2 * chunk, 3 * chunk), sent(3 * chunk, size)])
      const question = server.requests[before]
      assert.strictEqual(question?.method, "PUT")
      assert.strictEqual(question?.headers["content-length"], "0")
      assert.strictEqual(emulator.uploads.opened(), 1)
      assert.strictEqual(emulator.files.all().length, 1)
    })
  )

  it.live("goes on at zero when Drive has nothing yet, which it says with no range at all", () =>
    Effect.gen(function* () {
      const { put, server, kept, before } = yield* stopped(0)
      yield* put(file, kept.next())
      assert.deepStrictEqual(ranges(server.requests, before).slice(0, 2), [asks, sent(0, chunk)])
    })
  )

  it.live("understands ranges as older pages of the documentation have them", () =>
    Effect.gen(function* () {
      const { put, server, emulator, kept, before } = yield* stopped(1)
      emulator.uploads.nameUnit(false)
      yield* put(file, kept.next())
      assert.deepStrictEqual(ranges(server.requests, before).slice(0, 2), [asks, sent(chunk, 2 * chunk)])
    })
  )

  it.live("goes on after as many bytes as Drive took of a chunk, which may be any number", () =>
    Effect.gen(function* () {
      const { put, server, emulator } = yield* driving
      emulator.uploads.plan({ takes: 3 * 256 * KiB })
      emulator.uploads.plan({ takes: 1 })
      const { checksum } = yield* put(file, makeKept().next())
      assert.strictEqual(checksum, `sha256:${yield* file.digest("sha256")}`)
      const first = 3 * 256 * KiB
      assert.deepStrictEqual(ranges(server.requests), [
        sent(0, chunk),
        sent(first, first + chunk),
        sent(first + 1, first + 1 + chunk),
        sent(first + 1 + chunk, first + 1 + 2 * chunk),
        sent(first + 1 + 2 * chunk, size)
      ])
    })
  )

  it.live("is left alone for a while when Drive takes nothing of a chunk", () =>
    Effect.gen(function* () {
      const { put, server, emulator } = yield* driving
      const kept = makeKept()
      emulator.uploads.plan({ takes: 0 })
      const failure = yield* Effect.flip(put(file, kept.next()))
      assert.strictEqual(failure.reason._tag, "Unavailable")
      assert.match(failure.detail, /took none of the bytes from 0 on/)
      assert.deepStrictEqual(ranges(server.requests), [sent(0, chunk)])
      yield* put(file, kept.next())
      assert.strictEqual(emulator.files.all().length, 1)
    })
  )

  it.live("is elsewhere when Drive says so, and that is kept", () =>
    Effect.gen(function* () {
      const { put, server, emulator } = yield* driving
      const kept = makeKept()
      emulator.uploads.plan("moves")
      server.inject({ kind: "cut", when: ({ headers }) => headers["content-range"] === sent(chunk, 2 * chunk) })
      yield* Effect.flip(put(file, kept.next()))
      assert.match(kept.state() ?? "", /upload_id=AEmulatedUpload1Moved/)
      yield* put(file, kept.next())
      assert.strictEqual(emulator.uploads.opened(), 1)
      assert.strictEqual(emulator.files.all().length, 1)
    })
  )

  for (const status of [404, 410] as const) {
    it.live(`that is over (${status}) is followed by another for the same file`, () =>
      Effect.gen(function* () {
        const { put, server, emulator, kept, before } = yield* stopped(2)
        emulator.uploads.endSessions(status)
        const { checksum } = yield* put(file, kept.next())
        assert.strictEqual(checksum, `sha256:${yield* file.digest("sha256")}`)
        assert.deepStrictEqual(ranges(server.requests, before).slice(0, 2), [asks, sent(0, chunk)])
        assert.strictEqual(emulator.uploads.opened(), 2)
        assert.strictEqual(emulator.files.all().length, 1)
      })
    )
  }

  it.live("that is over after all bytes came, and whose last answer was lost, is not repeated", () =>
    Effect.gen(function* () {
      const { put, server, emulator } = yield* driving
      const kept = makeKept()
      server.inject({ kind: "cutAnswer", when: ({ headers }) => headers["content-range"] === sent(3 * chunk, size) })
      yield* Effect.flip(put(file, kept.next()))
      const before = server.requests.length
      emulator.uploads.endSessions(404)
      yield* put(file, kept.next())
      assert.deepStrictEqual(server.requests.slice(before).map(line), [
        `PUT /upload/drive/v3/files resumable ${asks}`,
        "GET /drive/v3/files/:id"
      ])
      assert.strictEqual(emulator.files.all().length, 1)
    })
  )

  it.live("is complete when asking it brings the file, with 200 or 201", () =>
    Effect.gen(function* () {
      for (const creates of [false, true]) {
        const { put, server, emulator } = yield* driving
        const kept = makeKept()
        server.inject({ kind: "cutAnswer", when: ({ headers }) => headers["content-range"] === sent(3 * chunk, size) })
        yield* Effect.flip(put(file, kept.next()))
        if (creates) emulator.uploads.plan("creates")
        yield* put(file, kept.next())
        assert.strictEqual(ranges(server.requests).at(-1), asks)
        assert.strictEqual(emulator.files.all().length, 1)
      }
    })
  )

  it.live("that has all bytes and does not finish is given up for another", () =>
    Effect.gen(function* () {
      const { bring, emulator } = yield* driving
      emulator.uploads.plan("hangs")
      emulator.uploads.plan("hangs")
      const { failures } = yield* bring(file)
      assert.strictEqual(failures, 1)
      assert.strictEqual(emulator.uploads.opened(), 2)
      assert.strictEqual(emulator.files.all().length, 1)
    })
  )

  it.live("begins anew after any other refusal, once", () =>
    Effect.gen(function* () {
      const refusal = {
        status: 400,
        body: { error: { code: 400, message: "Odd", errors: [{ reason: "badRequest" }] } }
      }
      const isChunk = ({ headers }: { readonly headers: Readonly<Record<string, string>> }) =>
        headers["content-range"] !== undefined
      const one = yield* driving
      one.server.inject({ kind: refusal, when: isChunk })
      yield* one.put(file, makeKept().next())
      assert.strictEqual(one.emulator.uploads.opened(), 2)

      const all = yield* driving
      all.server.inject({ kind: refusal, when: isChunk, times: 100 })
      const failure = yield* Effect.flip(all.put(file, makeKept().next()))
      assert.strictEqual(failure.reason._tag, "Rejected")
      assert.strictEqual(failure.detail, "Odd")
      assert.strictEqual(all.emulator.uploads.opened(), 2)
    })
  )

  it.live("for bytes that are others by now is not gone on with", () =>
    Effect.gen(function* () {
      const { put, emulator, kept } = yield* stopped(2)
      const other = bytesFile("contacts.csv", size, 2)
      const { checksum } = yield* put(other, kept.next())
      assert.strictEqual(checksum, `sha256:${yield* other.digest("sha256")}`)
      assert.strictEqual(emulator.uploads.opened(), 2)
      assert.strictEqual(emulator.files.all().length, 1)
    })
  )

  it.live("that was finished with earlier bytes counts as done", () =>
    Effect.gen(function* () {
      for (const earlier of [file, bytesFile("contacts.csv", 1000)]) {
        const { put, server, emulator } = yield* driving
        const kept = makeKept()
        const isLast = ({ headers, query }: { headers: Readonly<Record<string, string>>; query: URLSearchParams }) =>
          headers["content-range"] === sent(3 * chunk, size) || query.get("uploadType") === "multipart"
        server.inject({ kind: "cutAnswer", when: isLast })
        yield* Effect.flip(put(earlier, kept.next()))
        const stored = yield* put(bytesFile("contacts.csv", 2000, 3), kept.next())
        assert.strictEqual(stored.checksum, `sha256:${yield* earlier.digest("sha256")}`)
        assert.strictEqual(stored.size, earlier.size)
        assert.strictEqual(emulator.files.all().length, 1)
      }
    })
  )

  it.live("says when its provider breaks its word, and does nothing about it", () =>
    Effect.gen(function* () {
      for (const range of ["bytes=5-9", "nonsense", `bytes=0-${size}`]) {
        const { put, server } = yield* driving
        server.inject({ kind: { status: 308, headers: { range } }, when: ({ method }) => method === "PUT" })
        const failure = yield* Effect.flip(put(file, makeKept().next()))
        assert.strictEqual(failure.reason._tag, "Unavailable", range)
        assert.match(failure.detail, /bytes that were never sent/)
      }
      const { put, server } = yield* driving
      server.inject({ kind: { status: 200 }, when: ({ query }) => query.get("uploadType") === "resumable" })
      assert.match((yield* Effect.flip(put(file, makeKept().next()))).detail, /did not say where/)
    })
  )

  it.live("can lead to Google alone", () =>
    Effect.gen(function* () {
      const { put, server, asked } = yield* driving
      const headers = { location: "https://evil.example/upload" }
      server.inject({ kind: { status: 200, headers }, when: ({ query }) => query.get("uploadType") === "resumable" })
      const failure = yield* Effect.flip(put(file, makeKept().next()))
      assert.strictEqual(failure.reason._tag, "Misconfigured")
      assert.strictEqual(asked.at(-1), "https://evil.example/upload")
      assert.strictEqual(server.requests.filter(({ method }) => method === "PUT").length, 0)
    })
  )
})
