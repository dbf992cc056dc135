/** The stand-in for Google Drive, row by row of what the real one does, for whoever speaks to it in another way. */
import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { bytesOf, folderType, google, reasonOf, unit } from "./Asking.ts"

describe("The emulator of Google Drive", () => {
  it("tells about the account what fields ask for, numbers as texts, and nothing without fields", () => {
    const { ask } = google()
    const refused = ask("GET", "/drive/v3/about")
    assert.strictEqual(refused.status, 400)
    assert.deepStrictEqual(refused.body.error, {
      errors: [
        {
          domain: "global",
          reason: "required",
          message: "The 'fields' parameter is required for this method.",
          locationType: "parameter",
          location: "fields"
        }
      ],
      code: 400,
      message: "The 'fields' parameter is required for this method."
    })
    const { body } = ask("GET", "/drive/v3/about?fields=kind,user(emailAddress,me),storageQuota/limit")
    assert.deepStrictEqual(body, {
      kind: "drive#about",
      user: { me: true, emailAddress: "ada.lovelace@example.com" },
      storageQuota: { limit: "16106127360" }
    })
  })

  it("makes files and folders, two of a name if need be, with few fields unless more are asked for", () => {
    const { ask } = google()
    const folder = ask("POST", "/drive/v3/files", { json: { name: "A", mimeType: folderType } }).body
    assert.hasAllKeys(folder, ["kind", "id", "name", "mimeType"])
    for (const n of [1, 2]) {
      const { status } = ask("POST", "/drive/v3/files", { json: { name: "same", parents: [folder.id] } })
      assert.strictEqual(status, 200, String(n))
    }
    const missing = ask("POST", "/drive/v3/files", { json: { name: "b", parents: ["nowhere"] } })
    assert.deepStrictEqual([missing.status, reasonOf(missing.body)], [404, "notFound"])
    assert.strictEqual(ask("POST", "/drive/v3/files", { json: { name: "b", parents: ["root"] } }).status, 200)
    assert.strictEqual(ask("POST", "/drive/v3/files", { json: { parents: ["root", folder.id] } }).status, 400)
    assert.strictEqual(ask("POST", "/drive/v3/files", { bytes: bytesOf("{") }).status, 400)
  })

  it("makes one file with a generated id, and refuses one that it did not generate", () => {
    const { ask, ids, emulator } = google()
    const [id, other] = ids()
    const path = "/upload/drive/v3/files?uploadType=media"
    assert.strictEqual(ask("POST", path, { bytes: bytesOf("x") }).status, 200)
    const make = (id: string | undefined) =>
      ask("POST", "/drive/v3/files", { json: { id, name: "a", mimeType: folderType } })
    assert.strictEqual(make(id).status, 200)
    assert.deepStrictEqual([make(id).status, reasonOf(make(id).body)], [409, "fileIdInUse"])
    assert.strictEqual(make("1Invented").status, 400)
    assert.strictEqual(make(other).status, 200)
    assert.deepStrictEqual(emulator.drive.folders(), ["a", "a"])
    assert.strictEqual(ask("GET", "/drive/v3/files/generateIds?count=1001").status, 400)
    assert.deepInclude(ask("GET", "/drive/v3/files/generateIds").body, { kind: "drive#generatedIds", space: "drive" })
  })

  it("takes two parts, metadata first, and no other number or order", () => {
    const { ask, emulator } = google()
    const json = `Content-Type: application/json\r\n\r\n{"name":"a.csv"}`
    const media = "Content-Type: text/csv\r\n\r\nemail\r\n"
    const send = (...parts: ReadonlyArray<string>) =>
      ask("POST", "/upload/drive/v3/files?uploadType=multipart", {
        bytes: bytesOf(`${parts.map((part) => `--foo\r\n${part}\r\n`).join("")}--foo--`),
        headers: { "content-type": "multipart/related; boundary=foo" }
      }).status
    assert.deepStrictEqual(
      [
        send(json, media),
        send(json),
        send(media, json),
        send(json, media, media),
        send(json, "Content-Type: text/csv")
      ],
      [200, 400, 400, 400, 400]
    )
    assert.strictEqual(send(json, "Content-Type: text/csv\r\n\r\n"), 200, "no bytes are bytes too")
    assert.deepStrictEqual(
      emulator.files.all().map(({ text, mimeType }) => [text, mimeType]),
      [
        ["email\r\n", "text/csv"],
        ["", "text/csv"]
      ]
    )
  })

  it("takes chunks of 256 KiB, tells what it has, and gives checksums of all of it", () => {
    const { open, chunk, emulator, ask } = google()
    const url = open({}, {}, "size,md5Checksum,sha1Checksum,sha256Checksum")
    assert.match(url, /^https:\/\/www\.googleapis\.com\/upload\/drive\/v3\/files\?uploadType=resumable&upload_id=\w+$/)
    const all = new Uint8Array(2 * unit + 5).map((_, index) => index % 251)
    const total = all.length
    assert.strictEqual(chunk(url, `0-${unit - 2}/${total}`, all.subarray(0, unit - 1)).status, 400)
    assert.deepStrictEqual(chunk(url, `*/${total}`, new Uint8Array()), { status: 308, headers: {}, body: {} })
    const first = chunk(url, `0-${unit - 1}/*`, all.subarray(0, unit))
    assert.deepStrictEqual(first, { status: 308, headers: { range: `bytes=0-${unit - 1}` }, body: {} })
    assert.strictEqual(chunk(url, `${2 * unit}-${total - 1}/${total}`, all.subarray(2 * unit)).status, 400, "a gap")
    assert.strictEqual(chunk(url, `0-9/${total}`, all.subarray(0, 5)).status, 400, "not as long as it says")
    const { status, body } = chunk(url, `${unit}-${total - 1}/${total}`, all.subarray(unit))
    assert.strictEqual(status, 200)
    const digest = (algorithm: string) => createHash(algorithm).update(all).digest("hex")
    assert.deepStrictEqual(body, {
      size: String(total),
      md5Checksum: digest("md5"),
      sha1Checksum: digest("sha1"),
      sha256Checksum: digest("sha256")
    })
    assert.strictEqual(chunk(url, "*/*", new Uint8Array()).status, 200, "asked after its end")
    assert.strictEqual(emulator.files.all().length, 1)
    assert.strictEqual(ask("PUT", `${url}0`).status, 404, "another session")
  })

  it("takes all bytes in one request without a range, and none at all", () => {
    const { open, ask, emulator } = google()
    assert.strictEqual(ask("PUT", open(), { bytes: bytesOf("hello") }).status, 200)
    assert.strictEqual(ask("PUT", open({}, { "x-upload-content-length": "0" })).status, 200)
    assert.strictEqual(ask("PUT", open({}, { "x-upload-content-length": "3" })).status, 400)
    assert.strictEqual(ask("PUT", open(), { headers: { "content-range": "bytes 0--1/0" } }).status, 400)
    assert.deepStrictEqual(
      emulator.files.all().map(({ text }) => text),
      ["hello", ""]
    )
  })

  it("keeps whole units of a chunk that breaks off", () => {
    const { open, chunk } = google()
    const url = open()
    const total = 4 * unit
    chunk(url, `0-${total - 1}/${total}`, new Uint8Array(2 * unit + 9), { isPartial: true })
    assert.strictEqual(chunk(url, `*/${total}`, new Uint8Array()).headers.range, `bytes=0-${2 * unit - 1}`)
    chunk(url, `${2 * unit}-${total - 1}/${total}`, new Uint8Array(9), { isPartial: true })
    assert.strictEqual(chunk(url, `*/${total}`, new Uint8Array()).headers.range, `bytes=0-${2 * unit - 1}`)
  })

  it("lets a session be used without a token, and with no wrong one", () => {
    const { open, ask } = google()
    const headers = { authorization: "" }
    assert.strictEqual(ask("GET", "/drive/v3/files", { headers }).status, 401)
    assert.strictEqual(ask("PUT", open(), { headers: { authorization: "Bearer wrong" } }).status, 401)
  })

  it("refuses one of two sessions for the same id", () => {
    const { open, ask, ids, emulator } = google()
    const [id] = ids()
    const [one, other] = [open({ id }), open({ id })]
    assert.strictEqual(ask("PUT", one, { bytes: bytesOf("one") }).status, 200)
    assert.strictEqual(ask("PUT", other, { bytes: bytesOf("other") }).status, 409)
    assert.strictEqual(emulator.files.all().length, 1)
  })

  it("knows no other paths, and no upload of another kind", () => {
    const { ask } = google()
    assert.strictEqual(ask("GET", "/drive/v2/files").status, 404)
    assert.strictEqual(ask("POST", "/upload/drive/v3/files").status, 400)
    assert.strictEqual(ask("GET", "/upload/drive/v3/files?uploadType=media").status, 400)
  })
})
