/** Requests that Dropbox did and whose answers were lost: in the end the file is there, once. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { json } from "nexus-integrations/plugin/testing"
import { chunkSize } from "../../../plugins/dropbox/UploadSession.ts"
import { bytesFile } from "../../support/BytesFile.ts"
import { argumentsOf, dropbox, isAt, isOnce, makeExport, mebibyte, routes } from "./DropboxStand.ts"

const start = "files/upload_session/start"
const append = "files/upload_session/append_v2"
const finish = "files/upload_session/finish"

const small = bytesFile("contacts.csv", 100_000)
const large = bytesFile("contacts.csv", chunkSize + mebibyte)

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
