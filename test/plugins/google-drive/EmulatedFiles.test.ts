import { assert, describe, it } from "@effect/vitest"
import { folderType, google } from "./Asking.ts"

describe("The emulator of Google Drive", () => {
  it("lists what the application made: by folder, name and trash, with escapes, page by page", () => {
    const { ask, emulator } = google()
    const folder = ask("POST", "/drive/v3/files", { json: { name: "F", mimeType: folderType } }).body.id
    const names = ["it's \\ here", "b", "c", "d and e"]
    for (const name of names) ask("POST", "/drive/v3/files", { json: { name, parents: [folder] } })
    emulator.drive.make({ name: "foreign" }, undefined, 0, false)
    emulator.drive.discard("c", false)
    const list = (q: string, more = "") => {
      const { status, body } = ask("GET", `/drive/v3/files?q=${encodeURIComponent(q)}${more}`)
      const { files = [], nextPageToken } = JSON.parse(JSON.stringify(body))
      return { status, names: files.map(({ name }: { readonly name: string }) => name), nextPageToken }
    }
    assert.deepStrictEqual(list("").names, ["F", ...names], "trashed ones are included")
    assert.deepStrictEqual(list(`'${folder}' in parents and trashed = false`).names, ["it's \\ here", "b", "d and e"])
    assert.deepStrictEqual(list("trashed = true").names, ["c"])
    assert.deepStrictEqual(list("name = 'it\\'s \\\\ here'").names, ["it's \\ here"])
    assert.deepStrictEqual(list("name = 'd and e' and trashed = false").names, ["d and e"])
    assert.deepStrictEqual(list(`mimeType = '${folderType}'`).names, ["F"])
    assert.strictEqual(list("name = 'it's'").status, 400)
    assert.strictEqual(list("colour = 'red'").status, 400)
    const first = list("trashed = false", "&pageSize=3")
    const second = list("trashed = false", `&pageSize=3&pageToken=${first.nextPageToken}`)
    assert.deepStrictEqual([...first.names, ...second.names], ["F", "it's \\ here", "b", "d and e"])
    assert.isUndefined(second.nextPageToken)
    assert.strictEqual(list("", "&pageSize=0").status, 400)
    assert.strictEqual(list("", "&pageToken=mine").status, 400)
    assert.deepStrictEqual(list("", "&orderBy=createdTime%20desc").names, ["F", ...names].reverse())
  })

  it("puts into the trash with all that lies in it, restores, and deletes", () => {
    const { ask, emulator } = google()
    const id = ask("POST", "/drive/v3/files", { json: { name: "F", mimeType: folderType } }).body.id
    ask("POST", "/drive/v3/files", { json: { name: "a", parents: [id] } })
    const trash = (trashed: boolean) => ask("PATCH", `/drive/v3/files/${id}?fields=trashed`, { json: { trashed } }).body
    assert.deepStrictEqual(trash(true), { trashed: true })
    assert.deepStrictEqual(emulator.files.all(), [])
    assert.deepStrictEqual(trash(false), { trashed: false })
    assert.strictEqual(emulator.files.all()[0]?.folder[0], "F")
    assert.strictEqual(ask("DELETE", `/drive/v3/files/${id}`).status, 204)
    assert.strictEqual(ask("GET", `/drive/v3/files/${id}`).status, 404)
  })
})
