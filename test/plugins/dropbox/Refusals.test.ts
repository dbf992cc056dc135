/** Files that Dropbox refuses to write, and one that it writes wrong. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { json } from "nexus-integrations/plugin/testing"
import { chunkSize } from "../../../plugins/dropbox/UploadSession.ts"
import { bytesFile } from "../../support/BytesFile.ts"
import { dropbox, isAt, isOnce, makeExport, routes } from "./DropboxStand.ts"

const full = "Your Dropbox is full: free some space in it, or get more of it, and try again"
const badName = "Dropbox takes no file or folder of that name: choose another folder"
const noAccess = "Dropbox doesn't let you write to that folder"

const writeErrors: ReadonlyArray<readonly [object, string, string]> = [
  [{ ".tag": "insufficient_space" }, "Misconfigured", full],
  [{ ".tag": "no_write_permission" }, "Forbidden", noAccess],
  [{ ".tag": "access_restricted" }, "Forbidden", noAccess],
  [{ ".tag": "team_folder" }, "Misconfigured", "The folder belongs to a Dropbox team: choose another folder"],
  [{ ".tag": "malformed_path" }, "Misconfigured", badName],
  [{ ".tag": "malformed_path", malformed_path: "too odd" }, "Misconfigured", badName],
  [{ ".tag": "disallowed_name" }, "Misconfigured", badName],
  [
    { ".tag": "conflict", conflict: { ".tag": "file_ancestor" } },
    "Misconfigured",
    "The folder can't be made, as a file in Dropbox has its name: choose another"
  ],
  [
    { ".tag": "conflict", conflict: { ".tag": "folder" } },
    "Misconfigured",
    "A folder in Dropbox has the name of the file: rename it, or choose another folder"
  ],
  [{ ".tag": "operation_suppressed" }, "Unavailable", "Dropbox doesn't allow that at this time"],
  [{ ".tag": "sun_too_bright" }, "Rejected", "Dropbox refused it (path, sun_too_bright)"]
]

describe("What can't be written", () => {
  for (const [reason, tag, detail] of writeErrors) {
    const name = Object.values(reason)
      .map((value) => (typeof value === "string" ? value : JSON.stringify(value)))
      .join(" ")

    it.live(`is told alike in both shapes, whatever the number of dots: ${name}`, () =>
      Effect.gen(function* () {
        const { files, server } = yield* dropbox()
        const flat = { ".tag": "path", reason, upload_session_id: "pid_upload_session:1" }
        const nested = { ".tag": "path", path: reason }
        for (const [index, [route, error, size]] of (
          [
            ["files/upload", flat, 10],
            ["files/upload_session/finish", nested, chunkSize + 1]
          ] as const
        ).entries()) {
          for (const dots of ["", ".", "..."]) {
            server.inject({ kind: json(409, { error_summary: `path/x/${dots}`, error }), when: isAt(route) })
            const failure = yield* Effect.flip(makeExport(files).put(bytesFile(`${index}${dots.length}.csv`, size)))
            assert.deepStrictEqual([failure.reason._tag, failure.detail], [tag, detail])
            if (size > chunkSize) break
          }
        }
      })
    )
  }

  for (const [what, body, tag, detail] of [
    [
      "words for the user",
      { error_summary: "other/", error: { ".tag": "other" }, user_message: { text: "Not today.", locale: "en" } },
      "Rejected",
      "Not today."
    ],
    [
      "an error as a text",
      { error_summary: "x/", error: "payload_too_large" },
      "Rejected",
      "The file is larger than Dropbox takes"
    ],
    ["no error at all", {}, "Rejected", "Dropbox refused it (it doesn't say why)"],
    ["no JSON", "<html>", "Rejected", "Dropbox refused it (it doesn't say why)"]
  ] as const) {
    it.live(`is told with ${what}`, () =>
      Effect.gen(function* () {
        const { files, server } = yield* dropbox()
        server.inject({ kind: { status: 409, body } })
        const failure = yield* Effect.flip(makeExport(files).put(bytesFile("a.csv", 1)))
        assert.deepStrictEqual([failure.reason._tag, failure.detail], [tag, detail])
      })
    )
  }

  for (const size of [10, chunkSize + 1]) {
    it.live(`because the account is full can be once it is not (${size} bytes)`, () =>
      Effect.gen(function* () {
        const { files, emulator, server } = yield* dropbox()
        emulator.files.fill(true)
        const upload = makeExport(files)
        const file = bytesFile("a.csv", size)
        const failure = yield* Effect.flip(upload.put(file))
        assert.deepStrictEqual([failure.reason._tag, failure.detail], ["Misconfigured", full])
        assert.deepStrictEqual(emulator.files.all(), [])
        emulator.files.fill(false)
        const from = server.requests.length
        yield* upload.put(file)
        yield* isOnce(emulator, file)
        assert.notInclude(routes(server, from), "files/upload_session/append_v2")
      })
    )
  }

  it.live("below a file is told", () =>
    Effect.gen(function* () {
      const { files, emulator } = yield* dropbox({ folder: "/a.txt/b" })
      emulator.files.put("/a.txt", "a file")
      const failure = yield* Effect.flip(makeExport(files).put(bytesFile("c.csv", 1)))
      assert.strictEqual(failure.reason._tag, "Misconfigured")
    })
  )
})

describe("A file that Dropbox stored as something else", () => {
  for (const size of [10, chunkSize + 1]) {
    it.live(`is taken away and sent again (${size} bytes)`, () =>
      Effect.gen(function* () {
        const { files, emulator } = yield* dropbox()
        emulator.files.put("/a.csv", "somebody's own")
        emulator.damage(1)
        const upload = makeExport(files)
        const file = bytesFile("a.csv", size)
        const failure = yield* Effect.flip(upload.put(file))
        assert.deepStrictEqual([failure.reason._tag, failure.detail], ["Unavailable", "The file came across damaged"])
        assert.deepStrictEqual(
          emulator.files.all().map(({ name, text }) => [name, text]),
          [["a.csv", "somebody's own"]]
        )
        yield* upload.put(file)
        yield* isOnce(emulator, file, "a (1).csv")
      })
    )
  }
})
