/** What is asked of Dropbox, and what becomes of a file when nothing goes wrong. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { OutgoingFile } from "nexus-integrations/plugin"
import { json } from "nexus-integrations/plugin/testing"
import { headerJson } from "../../../plugins/dropbox/Client.ts"
import { contentHash, contentHashOf } from "../../../plugins/dropbox/ContentHash.ts"
import { chunkSize } from "../../../plugins/dropbox/UploadSession.ts"
import { bytesFile } from "../../support/BytesFile.ts"
import { argumentsOf, dropbox, isAt, isOnce, makeExport, mebibyte, routes } from "./DropboxStand.ts"

describe("A file of at most 8 MiB", () => {
  it.live("goes in one request, with its hash, over no other file", () =>
    Effect.gen(function* () {
      const { files, emulator, server } = yield* dropbox({ folder: "/Exports/Contacts" })
      const file = bytesFile("contacts.csv", 1000)
      const { states, put } = makeExport(files)
      const stored = yield* put(file)
      const [request] = server.requests
      assert.strictEqual(server.requests.length, 1)
      assert.deepInclude(request, { method: "POST", path: "/2/files/upload", host: "content.dropboxapi.com" })
      assert.deepInclude(request?.headers, {
        authorization: `Bearer ${emulator.credentials.accessToken}`,
        "content-type": "application/octet-stream",
        "content-length": "1000"
      })
      const hash = yield* contentHashOf(file)
      const commit = { path: "/Exports/Contacts/contacts.csv", mode: "add", autorename: true, mute: true }
      assert.deepStrictEqual(argumentsOf(server, "files/upload"), [{ ...commit, content_hash: hash }])
      const [there] = emulator.files.all()
      assert.deepStrictEqual(stored, {
        id: there?.id ?? "",
        name: "contacts.csv",
        link: null,
        size: 1000,
        checksum: `content_hash:${hash}`
      })
      assert.strictEqual(states.length, 1)
      yield* isOnce(emulator, file, "contacts.csv", ["Exports", "Contacts"])
    })
  )

  it.live("is named by Dropbox where the name is taken, in any spelling, and leaves the other one alone", () =>
    Effect.gen(function* () {
      const { files, emulator } = yield* dropbox()
      emulator.files.put("/Contacts.csv", "somebody's own")
      const file = bytesFile("contacts.csv", 10)
      assert.strictEqual((yield* makeExport(files).put(file)).name, "contacts (1).csv")
      yield* isOnce(emulator, file, "contacts (1).csv")
      assert.deepInclude(emulator.files.all()[0], { name: "Contacts.csv", text: "somebody's own" })
    })
  )

  it.live("that is there already is no second file", () =>
    Effect.gen(function* () {
      const { files, emulator } = yield* dropbox()
      const file = bytesFile("contacts.csv", 10)
      const first = yield* makeExport(files).put(file)
      assert.deepStrictEqual(yield* makeExport(files).put(file), first)
      yield* isOnce(emulator, file)
    })
  )

  it.live("has the link that the answer brings, if it is one", () =>
    Effect.gen(function* () {
      const { files, server } = yield* dropbox()
      const file = bytesFile("contacts.csv", 10)
      const link = "https://www.dropbox.com/preview/contacts.csv"
      for (const [preview_url, expected] of [
        [link, link],
        ["javascript:alert(1)", null]
      ]) {
        const metadata = {
          id: "id:1",
          name: "contacts.csv",
          size: 10,
          content_hash: yield* contentHashOf(file),
          preview_url,
          sharing_info: { read_only: true }
        }
        server.inject({ kind: json(200, metadata), when: isAt("files/upload") })
        assert.strictEqual((yield* makeExport(files).put(file)).link, expected)
      }
    })
  )
})

describe("Files of every size", () => {
  for (const [what, size, appends] of [
    ["0 bytes", 0, 0],
    ["1 byte", 1, 0],
    ["a chunk less a byte", chunkSize - 1, 0],
    ["a chunk", chunkSize, 0],
    ["a chunk and a byte", chunkSize + 1, 2],
    ["two chunks less a byte", 2 * chunkSize - 1, 2],
    ["two chunks", 2 * chunkSize, 2],
    ["several chunks and a half", 3 * chunkSize + chunkSize / 2, 4]
  ] as const) {
    it.live(`arrive whole: ${what}`, () =>
      Effect.gen(function* () {
        const { files, emulator, server } = yield* dropbox()
        const file = bytesFile("contacts.csv", size)
        const stored = yield* makeExport(files).put(file)
        assert.deepInclude(stored, { size, checksum: `content_hash:${yield* contentHashOf(file)}` })
        yield* isOnce(emulator, file)
        const expected =
          appends === 0
            ? ["files/upload"]
            : [
                "files/upload_session/start",
                ...Array.from({ length: appends }, () => "files/upload_session/append_v2"),
                "files/upload_session/finish"
              ]
        assert.deepStrictEqual(routes(server), expected)
      })
    )
  }

  it.live("are read a chunk at a time", () =>
    Effect.gen(function* () {
      const { files } = yield* dropbox()
      const file = bytesFile("contacts.csv", 5 * chunkSize)
      let largest = 0
      const watched: OutgoingFile = {
        ...file,
        read: (range) => {
          largest = Math.max(largest, range.length)
          return file.read(range)
        }
      }
      yield* makeExport(files).put(watched)
      assert.strictEqual(largest, chunkSize)
    })
  )
})

describe("A session", () => {
  it.live("is asked for as Dropbox has it, with the hash of each chunk, and ends without bytes", () =>
    Effect.gen(function* () {
      const { files, server } = yield* dropbox({ folder: "/Exports" })
      const file = bytesFile("contacts.csv", chunkSize + mebibyte)
      yield* makeExport(files).put(file)
      const [start, first, last, finish] = server.requests.map(({ headers }): unknown =>
        JSON.parse(headers["dropbox-api-arg"] ?? "")
      )
      const id = "pid_upload_session:emulated-1"
      assert.deepStrictEqual(start, { close: false })
      assert.deepStrictEqual(first, {
        cursor: { session_id: id, offset: 0 },
        close: false,
        content_hash: contentHash(yield* file.read({ from: 0, length: chunkSize }))
      })
      assert.deepStrictEqual(last, {
        cursor: { session_id: id, offset: chunkSize },
        close: false,
        content_hash: contentHash(yield* file.read({ from: chunkSize, length: mebibyte }))
      })
      assert.deepStrictEqual(finish, {
        cursor: { session_id: id, offset: file.size },
        commit: { path: "/Exports/contacts.csv", mode: "add", autorename: true, mute: true }
      })
      assert.deepStrictEqual(
        server.requests.map(({ headers }) => headers["content-length"]),
        ["0", String(chunkSize), String(mebibyte), "0"]
      )
      assert.isTrue(server.requests.every(({ host }) => host === "content.dropboxapi.com"))
    })
  )

  it.live("keeps where it is before each request", () =>
    Effect.gen(function* () {
      const { files, server } = yield* dropbox()
      const { states, put } = makeExport(files)
      const seen: Array<number> = []
      yield* put(bytesFile("contacts.csv", 2 * chunkSize))
      for (const state of states) seen.push(JSON.parse(state).cursor.offset)
      assert.deepStrictEqual(seen, [0, chunkSize, 2 * chunkSize])
      assert.strictEqual(server.requests.length, 4)
    })
  )
})

describe("Dropbox's formats", () => {
  it("of JSON in a header are those of its reference", () => {
    assert.strictEqual(
      headerJson({ field: "some_üñîcødé_and_\x7f" }),
      String.raw`{"field":"some_\u00fc\u00f1\u00eec\u00f8d\u00e9_and_\u007f"}`
    )
    assert.strictEqual(headerJson({ field: "😀" }), String.raw`{"field":"\ud83d\ude00"}`)
  })

  it("of hashes are those that it gave for these contents", () => {
    const hashOf = (text: string) => contentHash(new TextEncoder().encode(text))
    assert.strictEqual(hashOf("Hello Dropbox!"), "16dff8700700b9aa627e24bbf832940c084b41ade5c5d6fe5417963a547ed9c2")
    assert.strictEqual(
      hashOf("123456789Olá Dropbox!"),
      "2064faa877255c7097e19c8ce5daada411478d0bfb8ed57837eeaa53bd4a10b3"
    )
    assert.strictEqual(hashOf(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  })

  it.effect("of hashes are the same for a file as for its bytes", () =>
    Effect.gen(function* () {
      for (const size of [0, 4 * mebibyte, 4 * mebibyte + 1, 9 * mebibyte]) {
        const file = bytesFile("a", size)
        assert.strictEqual(yield* contentHashOf(file), contentHash(yield* file.read({ from: 0, length: size })))
      }
    })
  )
})
