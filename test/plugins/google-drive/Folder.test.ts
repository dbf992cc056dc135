import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { bytesFile } from "../../support/BytesFile.ts"
import { chunk, driving, line, makeKept } from "./Driving.ts"

const small = (name: string) => bytesFile(name, 100)

describe("The folder in Google Drive", () => {
  it.live("is made once, and found by its id from then on", () =>
    Effect.gen(function* () {
      const { put, server, emulator, session } = yield* driving
      yield* put(small("a.csv"), makeKept().next())
      const making = server.requests[3]
      const { id, ...others } = JSON.parse(making?.body ?? "")
      assert.deepStrictEqual(others, { name: "Nexus", mimeType: "application/vnd.google-apps.folder" })
      const before = server.requests.length
      const another = yield* session()
      yield* another.files?.put(small("b.csv"), makeKept().next()) ?? Effect.die("no files")
      assert.deepStrictEqual(server.requests.slice(before).map(line), [
        "GET /drive/v3/files/generateIds",
        "GET /drive/v3/files/:id",
        "POST /upload/drive/v3/files multipart"
      ])
      assert.include(server.requests[before + 1]?.path, id)
      assert.deepStrictEqual(emulator.drive.folders(), ["Nexus"])
    })
  )

  it.live("has the name that the settings give it", () =>
    Effect.gen(function* () {
      const { session, emulator } = yield* driving
      for (const folder of ["Kunden & Co", "O'Neill"]) {
        const { files } = yield* session(emulator.credentials, { folder })
        yield* files?.put(small("a.csv"), makeKept().next()) ?? Effect.die("no files")
      }
      assert.deepStrictEqual(
        emulator.files.all().map(({ folder }) => folder),
        [["Kunden & Co"], ["O'Neill"]]
      )
    })
  )

  it.live("is no path, no dots, nothing invisible and nothing endless", () =>
    Effect.gen(function* () {
      const { session, emulator } = yield* driving
      for (const folder of [
        "",
        " ",
        "a/b",
        "a\\b",
        ".",
        "..",
        " a",
        "a ",
        "a\nb",
        "a\u0000",
        "a".repeat(101),
        5,
        null
      ]) {
        const error = yield* Effect.flip(session(emulator.credentials, { folder }))
        assert.strictEqual(error._tag, "SchemaError", JSON.stringify(folder))
      }
      for (const folder of ["a", "...a", "Q1 2026", "a".repeat(100), "名簿"]) {
        yield* session(emulator.credentials, { folder })
      }
    })
  )

  it.live("that its user threw into the trash, or deleted for good, is made anew, once", () =>
    Effect.gen(function* () {
      for (const isForGood of [false, true]) {
        const { put, emulator } = yield* driving
        yield* put(small("a.csv"), makeKept().next())
        emulator.drive.discard("Nexus", isForGood)
        for (const name of ["b.csv", "c.csv"]) yield* put(small(name), makeKept().next())
        assert.deepStrictEqual(emulator.drive.folders(), ["Nexus"])
        const there = emulator.files.all().filter(({ folder }) => folder.length > 0)
        assert.deepStrictEqual(
          there.map(({ name }) => name),
          ["b.csv", "c.csv"]
        )
      }
    })
  )

  it.live("that is deleted after it was looked at costs no failure", () =>
    Effect.gen(function* () {
      for (const size of [100, 2 * chunk]) {
        const { put, server, emulator } = yield* driving
        yield* put(small("a.csv"), makeKept().next())
        server.inject({
          kind: {
            status: 404,
            body: { error: { code: 404, message: "File not found: .", errors: [{ reason: "notFound" }] } }
          },
          when: ({ method, path }) => {
            const isUpload = method === "POST" && path.startsWith("/upload/")
            if (isUpload) emulator.drive.discard("Nexus", true)
            return isUpload
          }
        })
        yield* put(bytesFile("b.csv", size), makeKept().next())
        assert.deepStrictEqual(
          emulator.files.all().map(({ name, folder }) => [name, ...folder]),
          [["a.csv"], ["b.csv", "Nexus"]]
        )
      }
    })
  )

  it.live("that has all the files that a folder can have is left for a new one", () =>
    Effect.gen(function* () {
      const { put, server, emulator } = yield* driving
      const reason = "numChildrenInNonRootLimitExceeded"
      server.inject({
        kind: { status: 403, body: { error: { code: 403, message: "Full", errors: [{ domain: "global", reason }] } } },
        when: ({ query }) => query.get("uploadType") === "multipart"
      })
      yield* put(small("a.csv"), makeKept().next())
      assert.deepStrictEqual(emulator.drive.folders(), ["Nexus", "Nexus"])
      assert.strictEqual(emulator.files.all().length, 1)
    })
  )

  it.live("gets another id where Drive takes none of those that it gave", () =>
    Effect.gen(function* () {
      const unusable = {
        status: 400,
        body: { error: { code: 400, message: "The provided file ID is not usable.", errors: [{ reason: "invalid" }] } }
      }
      for (const at of ["/drive/v3/files", "/upload/drive/v3/files"]) {
        const { put, server, emulator } = yield* driving
        server.inject({ kind: unusable, when: ({ method, path }) => method === "POST" && path === at })
        yield* put(small("a.csv"), makeKept().next())
        assert.strictEqual(emulator.files.all().length, 1)

        const never = yield* driving
        never.server.inject({ kind: unusable, when: ({ method, path }) => method === "POST" && path === at, times: 99 })
        const failure = yield* Effect.flip(never.put(small("a.csv"), makeKept().next()))
        assert.include(["Misconfigured", "Rejected"], failure.reason._tag)
        assert.isBelow(never.server.requests.length, 30)
      }
    })
  )

  it.live("that can't be made for another reason says the reason", () =>
    Effect.gen(function* () {
      const { put, server } = yield* driving
      server.inject({
        kind: { status: 400, body: { error: { code: 400, message: "Odd", errors: [{ reason: "badRequest" }] } } },
        when: ({ method, path }) => method === "POST" && path === "/drive/v3/files"
      })
      const failure = yield* Effect.flip(put(small("a.csv"), makeKept().next()))
      assert.strictEqual(failure.message, "Rejected: Odd")
    })
  )
})
