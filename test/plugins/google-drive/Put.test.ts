import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { bytesFile } from "../../support/BytesFile.ts"
import { chunk, driving, KiB, line, MiB, makeKept } from "./Driving.ts"

const fields = "id,name,size,sha256Checksum,md5Checksum,webViewLink,trashed"

describe("A file for Google Drive", () => {
  for (const [what, size, puts] of [
    ["no byte", 0, 0],
    ["one byte", 1, 0],
    ["the most that one request takes", 5_000_000, 0],
    ["a byte more than one request takes", 5_000_001, 1],
    ["a chunk but for a byte", chunk - 1, 1],
    ["exactly a chunk", chunk, 1],
    ["a chunk and a byte", chunk + 1, 2],
    ["three chunks and a half", 3.5 * chunk, 4]
  ] as const) {
    it.live(`of ${what} arrives whole, and once`, () =>
      Effect.gen(function* () {
        const { put, emulator, server } = yield* driving
        const file = bytesFile("contacts-export-1.csv", size)
        const sha256 = yield* file.digest("sha256")
        const stored = yield* put(file, makeKept().next())
        const [there, ...others] = emulator.files.all()
        assert.deepStrictEqual(others, [])
        assert.deepInclude(there, { name: file.name, mimeType: "text/csv", folder: ["Nexus"], size, sha256 })
        assert.deepStrictEqual(stored, {
          id: there?.id ?? "",
          name: file.name,
          link: `https://drive.google.com/file/d/${there?.id}/view?usp=drivesdk`,
          size,
          checksum: `sha256:${sha256}`
        })
        assert.strictEqual(server.requests.filter(({ method }) => method === "PUT").length, puts)
      })
    )
  }

  it.live("goes in one request of two parts when it is small", () =>
    Effect.gen(function* () {
      const { put, server, emulator } = yield* driving
      yield* put(
        { ...bytesFile("a.csv", 20), read: () => Effect.succeed(new TextEncoder().encode("email\r\n--a@b.example")) },
        makeKept().next()
      ).pipe(Effect.ignore)
      assert.deepStrictEqual(server.requests.slice(0, 5).map(line), [
        "GET /drive/v3/files/generateIds",
        "GET /drive/v3/files/generateIds",
        "GET /drive/v3/files/:id",
        "POST /drive/v3/files",
        "POST /upload/drive/v3/files multipart"
      ])
      const request = server.requests[4]
      assert.isDefined(request)
      const [, boundary = ""] =
        /^multipart\/related; boundary=([\w-]+)$/.exec(request.headers["content-type"] ?? "") ?? []
      assert.match(boundary, /^nexus-[0-9a-f]{48}$/)
      assert.strictEqual(request.headers["content-length"], String(request.bytes.length))
      assert.strictEqual(request.query.get("fields"), fields)
      assert.strictEqual(request.headers.authorization, `Bearer ${emulator.credentials.accessToken}`)
      const [empty, metadata = "", media = "", end] = request.body.split(`--${boundary}`)
      assert.strictEqual(empty, "")
      assert.strictEqual(end, "--\r\n")
      const [head, json = ""] = metadata.split("\r\n\r\n")
      assert.strictEqual(head, "\r\nContent-Type: application/json; charset=UTF-8")
      const { id, parents, ...others } = JSON.parse(json)
      assert.match(id, /^1Emulated/)
      assert.strictEqual(parents.length, 1)
      assert.deepStrictEqual(others, { name: "a.csv", mimeType: "text/csv" })
      assert.strictEqual(media, "\r\nContent-Type: text/csv\r\n\r\nemail\r\n--a@b.example\r\n")
    })
  )

  it.live("goes in a session when it is larger, in chunks that are multiples of 256 KiB", () =>
    Effect.gen(function* () {
      const { put, server } = yield* driving
      const size = 2 * chunk + 7
      yield* put(bytesFile("b.csv", size), makeKept().next())
      assert.deepStrictEqual(server.requests.map(line), [
        "GET /drive/v3/files/generateIds",
        "GET /drive/v3/files/generateIds",
        "GET /drive/v3/files/:id",
        "POST /drive/v3/files",
        "POST /upload/drive/v3/files resumable",
        `PUT /upload/drive/v3/files resumable bytes 0-${chunk - 1}/${size}`,
        `PUT /upload/drive/v3/files resumable bytes ${chunk}-${2 * chunk - 1}/${size}`,
        `PUT /upload/drive/v3/files resumable bytes ${2 * chunk}-${size - 1}/${size}`
      ])
      assert.strictEqual(chunk % (256 * KiB), 0)
      const opening = server.requests[4]
      assert.strictEqual(opening?.headers["content-type"], "application/json; charset=UTF-8")
      assert.strictEqual(opening?.headers["x-upload-content-type"], "text/csv")
      assert.strictEqual(opening?.headers["x-upload-content-length"], String(size))
      assert.strictEqual(opening?.query.get("fields"), fields)
      assert.strictEqual(opening?.query.get("supportsAllDrives"), "true")
      assert.deepStrictEqual(Object.keys(JSON.parse(opening?.body ?? "")).sort(), ["id", "mimeType", "name", "parents"])
      assert.strictEqual(server.requests[7]?.headers["content-length"], "7")
    })
  )

  it.live("beside one of the same name is a second one, as Drive's names are not unique", () =>
    Effect.gen(function* () {
      const { put, emulator } = yield* driving
      for (const seed of [1, 2]) yield* put(bytesFile("same.csv", 100, seed), makeKept().next())
      assert.deepStrictEqual(
        emulator.files.all().map(({ name }) => name),
        ["same.csv", "same.csv"]
      )
    })
  )

  it.live("is looked for before its bytes go a second time", () =>
    Effect.gen(function* () {
      const { put, server } = yield* driving
      const kept = makeKept()
      server.inject({ kind: "cutAnswer", when: ({ query }) => query.get("uploadType") === "multipart" })
      yield* Effect.flip(put(bytesFile("a.csv", 100), kept.next()))
      const before = server.requests.length
      yield* put(bytesFile("a.csv", 100), kept.next())
      assert.deepStrictEqual(server.requests.slice(before).map(line), ["GET /drive/v3/files/:id"])
    })
  )

  it.live("is told apart from what came across damaged, which ends in the trash", () =>
    Effect.gen(function* () {
      for (const size of [1000, 3 * chunk]) {
        const { put, emulator } = yield* driving
        const kept = makeKept()
        emulator.uploads.plan("damages")
        const failure = yield* Effect.flip(put(bytesFile("c.csv", size), kept.next()))
        assert.strictEqual(failure.reason._tag, "Unavailable")
        assert.match(failure.detail, /^c\.csv came across damaged/)
        assert.deepStrictEqual(emulator.files.all(), [])
        yield* put(bytesFile("c.csv", size), kept.next())
        assert.strictEqual(emulator.files.all().length, 1)
      }
    })
  )

  it.live("that came across damaged counts for nothing when the answer that said so was lost", () =>
    Effect.gen(function* () {
      for (const lost of ["multipart", "PATCH"]) {
        const { bring, emulator, server } = yield* driving
        const file = bytesFile("d.csv", 1000)
        emulator.uploads.plan("damages")
        server.inject({
          kind: "cutAnswer",
          when: ({ method, query }) => method === lost || query.get("uploadType") === lost
        })
        const { stored, failures } = yield* bring(file)
        assert.strictEqual(failures, 2)
        assert.strictEqual(stored.checksum, `sha256:${yield* file.digest("sha256")}`)
        assert.strictEqual(emulator.files.all().length, 1)
      }
    })
  )

  it.live("is compared by MD5 where Drive has no SHA-256, and by nothing less", () =>
    Effect.gen(function* () {
      const { put, emulator, server } = yield* driving
      const file = bytesFile("e.csv", 1000)
      emulator.drive.showSha256(false)
      const stored = yield* put(file, makeKept().next())
      assert.strictEqual(stored.checksum, `md5:${yield* file.digest("md5")}`)
      emulator.uploads.plan("damages")
      const damaged = yield* Effect.flip(put(file, makeKept().next()))
      assert.match(damaged.detail, /came across damaged/)
      server.inject({
        kind: { status: 200, body: { id: "1", name: "e.csv", size: "1000" } },
        when: ({ query }) => query.get("uploadType") === "multipart"
      })
      const unknown = yield* Effect.flip(put(file, makeKept().next()))
      assert.strictEqual(unknown.reason._tag, "Unavailable")
      assert.match(unknown.detail, /no checksum/)
    })
  )

  it.live("is never larger in memory than a chunk", () =>
    Effect.gen(function* () {
      const { put } = yield* driving
      const file = bytesFile("f.csv", 40 * MiB)
      const lengths: Array<number> = []
      const watched = {
        ...file,
        read: (range: { readonly from: number; readonly length: number }) => {
          lengths.push(range.length)
          return file.read(range)
        }
      }
      yield* put(watched, makeKept().next())
      assert.deepStrictEqual(lengths, [chunk, chunk, chunk, chunk, chunk])
    })
  )
})
