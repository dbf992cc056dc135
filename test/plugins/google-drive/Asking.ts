import { assert } from "@effect/vitest"
import { GoogleDriveEmulator } from "../../../plugins/google-drive/Emulator.ts"

export const folderType = "application/vnd.google-apps.folder"
export const unit = 256 * 1024
export const bytesOf = (text: string) => new TextEncoder().encode(text)

interface Ask {
  readonly json?: object
  readonly bytes?: Uint8Array
  readonly headers?: Readonly<Record<string, string>>
  readonly isPartial?: boolean
}

/** Google Drive on its own, and what a client asks of it. */
export const google = () => {
  const emulator = GoogleDriveEmulator()
  const ask = (method: string, path: string, { json, bytes, headers, isPartial = false }: Ask = {}) => {
    const { pathname, searchParams, host } = new URL(path, "https://www.googleapis.com")
    const sent = bytes ?? bytesOf(json === undefined ? "" : JSON.stringify(json))
    const {
      status,
      headers: told = {},
      body = {}
    } = emulator.answer({
      ...{ method, path: pathname, query: searchParams, host, bytes: sent, isPartial, now: 0 },
      body: new TextDecoder().decode(sent),
      headers: {
        authorization: `Bearer ${emulator.credentials.accessToken}`,
        ...(json === undefined ? {} : { "content-type": "application/json; charset=UTF-8" }),
        ...headers
      }
    })
    // As it would be read from the wire.
    const members: Record<string, unknown> = typeof body === "string" ? {} : JSON.parse(JSON.stringify(body))
    return { status, headers: told, body: members }
  }
  const ids = () => {
    const { ids } = ask("GET", "/drive/v3/files/generateIds?count=3").body
    return Array.isArray(ids) ? ids.map(String) : []
  }
  /** Opens a session and gives where it is. */
  const open = (metadata: object = {}, headers: Readonly<Record<string, string>> = {}, fields = "id,size") => {
    const path = `/upload/drive/v3/files?uploadType=resumable&fields=${fields}`
    const { status, headers: told } = ask("POST", path, { json: { name: "a.csv", ...metadata }, headers })
    assert.strictEqual(status, 200)
    return told.location ?? ""
  }
  const chunk = (url: string, range: string, bytes: Uint8Array, more: Ask = {}) =>
    ask("PUT", url, { bytes, headers: { "content-range": `bytes ${range}` }, ...more })
  return { emulator, ask, ids, open, chunk }
}

/** The reason in an error. */
export const reasonOf = (body: Readonly<Record<string, unknown>>) => {
  const { error } = JSON.parse(JSON.stringify(body))
  return error.errors[0].reason
}
