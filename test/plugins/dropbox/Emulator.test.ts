/** The emulator answers as Dropbox does, to right requests and to wrong ones. */
import { assert, describe, it } from "@effect/vitest"
import type { EmulatedAnswer } from "nexus-integrations/plugin/testing"
import { contentHash } from "../../../plugins/dropbox/ContentHash.ts"
import { DropboxEmulator, type EmulatedDropbox } from "../../../plugins/dropbox/Emulator.ts"
import { ask, mebibyte } from "./DropboxStand.ts"

const bytesOf = (text: string) => new TextEncoder().encode(text)

/** The tags of a refusal as they lie in one another, from its JSON. */
const tagsOf = ({ status, body }: EmulatedAnswer): string => {
  const tags = Array.from(JSON.stringify(body).matchAll(/"\.tag":"(\w+)"/g), ([, tag]) => tag)
  return `${status} ${tags.join("/")}`
}

const upload = (emulator: EmulatedDropbox, path: string, text: string, more: object = {}) =>
  ask(emulator, "files/upload", { argument: { path, ...more }, bytes: bytesOf(text) })
const names = (emulator: EmulatedDropbox) => emulator.files.all().map(({ name, folder }) => [...folder, name].join("/"))

describe("The emulator's calls", () => {
  it("carry an id, whatever becomes of them", () => {
    const emulator = DropboxEmulator()
    for (const route of ["users/get_current_account", "files/nonsense", "/oauth2/token"]) {
      assert.match(ask(emulator, route).headers?.["x-dropbox-request-id"] ?? "", /^\w{32}$/)
    }
  })

  it("take null, nothing or an empty object where there is no argument", () => {
    const emulator = DropboxEmulator()
    for (const route of ["users/get_current_account", "users/get_space_usage"]) {
      for (const body of ["null", "{}", ""]) assert.strictEqual(ask(emulator, route, { json: body }).status, 200)
      assert.strictEqual(ask(emulator, route, { headers: { "content-type": "" } }).status, 200)
      assert.strictEqual(ask(emulator, route, { json: "nonsense" }).status, 400)
    }
    upload(emulator, "/a.csv", "12345")
    assert.deepStrictEqual(ask(emulator, "users/get_space_usage").body, {
      used: 5,
      allocation: { ".tag": "individual", allocated: 2_147_483_648 }
    })
  })

  it("tell three kinds of bad tokens apart", () => {
    const emulator = DropboxEmulator()
    const unknown = ask(emulator, "files/get_metadata", { headers: { authorization: "Bearer nonsense" } })
    assert.strictEqual(tagsOf(unknown), "401 invalid_access_token")
    assert.strictEqual(unknown.headers?.["www-authenticate"], 'Bearer realm="Dropbox-API"')
    const { accessToken } = emulator.oauth.give(["account_info.read"])
    const narrow = ask(emulator, "files/get_metadata", { headers: { authorization: `Bearer ${accessToken}` } })
    assert.strictEqual(tagsOf(narrow), "401 missing_scope")
    assert.deepInclude(Object(narrow.body).error, { required_scope: "files.metadata.read" })
    emulator.oauth.expire()
    assert.strictEqual(tagsOf(ask(emulator, "files/get_metadata")), "401 expired_access_token")
  })

  it("refuse an argument that no header can have, and take the escaped one", () => {
    const emulator = DropboxEmulator()
    for (const argument of ['{"path":"/ü.csv"}', '{"path":"/\x7f.csv"}', "nonsense", '{"path":"/a","nonsense":1}']) {
      const { status, body } = ask(emulator, "files/upload", { argument })
      assert.strictEqual(status, 400)
      assert.match(String(body), /^Error in call to API function "files\/upload": /)
    }
    assert.strictEqual(ask(emulator, "files/upload", { argument: String.raw`{"path":"/\u00fc.csv"}` }).status, 200)
    assert.deepStrictEqual(names(emulator), ["ü.csv"])
  })

  it("refuse another content type, another host and another method", () => {
    const emulator = DropboxEmulator()
    const argument = { path: "/a.csv" }
    assert.strictEqual(ask(emulator, "files/upload", { argument, headers: { "content-type": "text/csv" } }).status, 400)
    assert.strictEqual(
      ask(emulator, "files/list_folder", { json: { path: "" }, headers: { "content-type": "text/csv" } }).status,
      400
    )
    assert.strictEqual(ask(emulator, "users/get_current_account", { argument: null }).status, 404)
    assert.deepStrictEqual(names(emulator), [])
  })

  it("end a grant at the revocation of its token", () => {
    const emulator = DropboxEmulator()
    assert.deepInclude(ask(emulator, "auth/token/revoke", { json: "null" }), { status: 200, body: null })
    assert.strictEqual(tagsOf(ask(emulator, "auth/token/revoke", { json: "null" })), "401 invalid_access_token")
    assert.strictEqual(emulator.revocations(), 1)
  })
})

describe("The emulator's uploads", () => {
  it("write over no file unless they are to", () => {
    const emulator = DropboxEmulator()
    const first = upload(emulator, "/Reports/a.csv", "one")
    assert.notProperty(first.body, ".tag")
    const { id, rev } = Object(first.body)
    assert.strictEqual(Object(upload(emulator, "/reports/A.csv", "one").body).id, id)
    assert.strictEqual(
      tagsOf(upload(emulator, "/Reports/a.csv", "one", { strict_conflict: true })),
      "409 path/conflict/file"
    )
    assert.strictEqual(tagsOf(upload(emulator, "/Reports/a.csv", "two")), "409 path/conflict/file")
    assert.strictEqual(tagsOf(upload(emulator, "/Reports", "two")), "409 path/conflict/folder")
    assert.strictEqual(tagsOf(upload(emulator, "/Reports/a.csv/b.csv", "two")), "409 path/conflict/file_ancestor")
    upload(emulator, "/Reports/a.csv", "two", { autorename: true })
    upload(emulator, "/Reports", "two", { autorename: true })
    assert.deepStrictEqual(names(emulator), ["Reports/a.csv", "Reports/a (1).csv", "Reports (1)"])
    const update = (revision: string) => ({ mode: { ".tag": "update", update: revision } })
    assert.strictEqual(tagsOf(upload(emulator, "/Reports/a.csv", "three", update("0"))), "409 path/conflict/file")
    const updated = upload(emulator, "/Reports/a.csv", "three", update(rev))
    assert.strictEqual(Object(updated.body).id, id)
    assert.strictEqual(upload(emulator, "/Reports/a.csv", "four", { mode: "overwrite" }).status, 200)
    assert.strictEqual(emulator.files.all().find((file) => file.id === id)?.text, "four")
  })

  it("have their reason beside the tag", () => {
    const emulator = DropboxEmulator()
    emulator.files.fill(true)
    assert.deepInclude(Object(upload(emulator, "/a.csv", "one").body).error, {
      ".tag": "path",
      reason: { ".tag": "insufficient_space" }
    })
  })

  it("check the hash, tell it, and refuse bad names", () => {
    const emulator = DropboxEmulator()
    const content_hash = contentHash(bytesOf("Hello Dropbox!"))
    assert.strictEqual(tagsOf(upload(emulator, "/a.csv", "Hello", { content_hash })), "409 content_hash_mismatch")
    assert.deepInclude(Object(upload(emulator, "/a.csv", "Hello Dropbox!", { content_hash }).body), {
      content_hash: "16dff8700700b9aa627e24bbf832940c084b41ade5c5d6fe5417963a547ed9c2",
      size: 14
    })
    assert.strictEqual(tagsOf(upload(emulator, "/a\\b.csv", "1")), "409 path/malformed_path")
    assert.strictEqual(tagsOf(upload(emulator, `/${"a".repeat(256)}`, "1")), "409 path/malformed_path")
    assert.strictEqual(tagsOf(upload(emulator, "/Desktop.ini", "1")), "409 path/disallowed_name")
  })

  it("take no more than 150 MiB at once", () => {
    const bytes = new Uint8Array(150 * mebibyte + 1)
    const answer = ask(DropboxEmulator(), "files/upload", { argument: { path: "/a.csv" }, bytes })
    assert.strictEqual(tagsOf(answer), "409 payload_too_large")
  })

  it("write dots of every number", () => {
    const emulator = DropboxEmulator()
    upload(emulator, "/a.csv", "one")
    const summaries = Array.from({ length: 4 }, () => Object(upload(emulator, "/a.csv", "two").body).error_summary)
    assert.deepStrictEqual(
      summaries.map((summary: string) => summary.length).sort((a, b) => a - b),
      [0, 1, 2, 3].map((dots) => "path/conflict/file/".length + dots)
    )
  })
})

describe("The emulator's sessions", () => {
  const session = (emulator: EmulatedDropbox, text: string, close = false): string =>
    Object(ask(emulator, "files/upload_session/start", { argument: { close }, bytes: bytesOf(text) }).body).session_id
  const append = (emulator: EmulatedDropbox, session_id: string, offset: number, text: string, more: object = {}) =>
    ask(emulator, "files/upload_session/append_v2", {
      argument: { cursor: { session_id, offset }, ...more },
      bytes: bytesOf(text)
    })
  const finish = (emulator: EmulatedDropbox, session_id: string, offset: number, text = "", more: object = {}) =>
    ask(emulator, "files/upload_session/finish", {
      argument: { cursor: { session_id, offset }, commit: { path: "/a.csv", ...more } },
      bytes: bytesOf(text)
    })

  it("know where they are", () => {
    const emulator = DropboxEmulator()
    const id = session(emulator, "123456789")
    assert.deepInclude(append(emulator, id, 9, "abc"), { status: 200, body: null })
    const again = append(emulator, id, 9, "abc")
    assert.deepStrictEqual(Object(again.body).error, { ".tag": "incorrect_offset", correct_offset: 12 })
    assert.deepStrictEqual(Object(finish(emulator, id, 9).body).error, {
      ".tag": "lookup_failed",
      lookup_failed: { ".tag": "incorrect_offset", correct_offset: 12 }
    })
    assert.strictEqual(finish(emulator, id, 12, "end").status, 200)
    assert.strictEqual(emulator.files.all()[0]?.text, "123456789abcend")
    assert.strictEqual(tagsOf(finish(emulator, id, 15)), "409 lookup_failed/not_found")
    assert.strictEqual(tagsOf(append(emulator, "another", 0, "")), "409 not_found")
  })

  it("take nothing once they are closed", () => {
    const emulator = DropboxEmulator()
    const id = session(emulator, "1")
    append(emulator, id, 1, "2", { close: true })
    assert.strictEqual(tagsOf(append(emulator, id, 2, "3")), "409 closed")
    assert.strictEqual(finish(emulator, id, 2).status, 200)
  })

  it("keep what came where the file can't be written", () => {
    const emulator = DropboxEmulator()
    emulator.files.put("/a.csv", "another")
    const id = session(emulator, "1")
    assert.strictEqual(tagsOf(finish(emulator, id, 1, "2")), "409 path/conflict/file")
    emulator.files.fill(true)
    const full = finish(emulator, id, 2, "", { autorename: true })
    assert.deepStrictEqual(Object(full.body).error, { ".tag": "path", path: { ".tag": "insufficient_space" } })
    emulator.files.fill(false)
    assert.strictEqual(Object(finish(emulator, id, 2, "", { autorename: true }).body).name, "a (1).csv")
  })

  it("check the hash of a chunk, and add nothing of a wrong one", () => {
    const emulator = DropboxEmulator()
    const id = session(emulator, "")
    assert.strictEqual(
      tagsOf(append(emulator, id, 0, "1", { content_hash: "0".repeat(64) })),
      "409 content_hash_mismatch"
    )
    assert.strictEqual(append(emulator, id, 0, "1", { content_hash: contentHash(bytesOf("1")) }).status, 200)
  })
})

describe("The emulator's folders", () => {
  const list = (emulator: EmulatedDropbox, path: string, limit?: number) =>
    ask(emulator, "files/list_folder", { json: { path, ...(limit === undefined ? {} : { limit }) } })

  it("are made once, and not below a file", () => {
    const emulator = DropboxEmulator()
    const create = (path: string) => ask(emulator, "files/create_folder_v2", { json: { path, autorename: false } })
    assert.deepInclude(Object(create("/Reports").body).metadata, { name: "Reports", path_lower: "/reports" })
    assert.strictEqual(tagsOf(create("/reports")), "409 path/conflict/folder")
    upload(emulator, "/a.csv", "1")
    assert.strictEqual(tagsOf(create("/a.csv/b")), "409 path/conflict/file_ancestor")
  })

  it("are listed by pages", () => {
    const emulator = DropboxEmulator()
    for (const name of ["a", "b", "c"]) upload(emulator, `/${name}.csv`, name)
    upload(emulator, "/Reports/d.csv", "d")
    const { entries, cursor, has_more } = Object(list(emulator, "", 3).body)
    assert.deepStrictEqual([entries.length, has_more], [3, true])
    const next = () => ask(emulator, "files/list_folder/continue", { json: { cursor } })
    assert.deepInclude(Object(next().body), { has_more: false })
    assert.deepInclude(Object(next().body).entries[0], { ".tag": "folder", name: "Reports" })
    emulator.resetCursors()
    assert.strictEqual(tagsOf(next()), "409 reset")
    assert.strictEqual(tagsOf(list(emulator, "/missing")), "409 path/not_found")
    assert.strictEqual(tagsOf(list(emulator, "/a.csv")), "409 path/not_folder")
    assert.strictEqual(list(emulator, "", 2001).status, 400)
  })

  it("lose what is deleted, unless it is another revision by now", () => {
    const emulator = DropboxEmulator()
    const { id, rev } = Object(upload(emulator, "/Reports/a.csv", "1").body)
    const remove = (path: string, parent_rev: string) =>
      ask(emulator, "files/delete_v2", { json: { path, parent_rev } })
    assert.strictEqual(tagsOf(remove(id, "0")), "409 path_write/conflict/file")
    assert.strictEqual(remove(id, rev).status, 200)
    assert.strictEqual(tagsOf(remove(id, rev)), "409 path_lookup/not_found")
    assert.deepStrictEqual(names(emulator), [])
  })
})
