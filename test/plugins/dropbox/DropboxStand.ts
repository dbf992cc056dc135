import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { OutgoingFile, ProviderError, StoredFile } from "nexus-integrations/plugin"
import { type EmulatedRequest, makeStand, type Stand } from "nexus-integrations/plugin/testing"
import { DropboxPlugin } from "../../../plugins/dropbox/Dropbox.ts"
import { DropboxEmulator, type EmulatedDropbox } from "../../../plugins/dropbox/Emulator.ts"
import type { SessionFiles } from "../../../src/plugin/Files.ts"

export const mebibyte = 1024 * 1024

/** An account and a session with it. */
export const dropbox = Effect.fnUntraced(function* (settings: Readonly<Record<string, unknown>> = {}) {
  const emulator = DropboxEmulator()
  const stand = yield* makeStand(DropboxPlugin, () => emulator)
  const session = yield* stand.session(undefined, settings)
  const { files } = session
  assert.isDefined(files)
  return { ...stand, emulator, session, open: stand.session, files }
})

/** An export: what is kept of it from one call to the next, whichever process makes them. */
export const makeExport = (files: SessionFiles) => {
  const states: Array<string> = []
  const put = (file: OutgoingFile): Effect.Effect<StoredFile, ProviderError> =>
    files.put(file, {
      kept: states.at(-1) ?? null,
      keep: (state) =>
        Effect.sync(() => {
          states.push(state)
        })
    })
  /** Calls put again after each failure that may pass, as the engine does; gives the file and the number of calls. */
  const persist = Effect.fnUntraced(function* (file: OutgoingFile, most = 60) {
    for (let calls = 1; ; calls++) {
      const stored = yield* put(file).pipe(
        Effect.catchReason("ProviderError", "Unavailable", (_, error) =>
          calls < most ? Effect.void : Effect.fail(error)
        )
      )
      if (stored) return { stored, calls }
    }
  })
  return { states, put, persist }
}

/** The routes that were asked for, or those after the first `from`. */
export const routes = ({ requests }: Stand["server"], from = 0): ReadonlyArray<string> =>
  requests.slice(from).map(({ path }) => path.replace("/2/", ""))

/** What requests to a route sent as their argument. */
export const argumentsOf = ({ requests }: Stand["server"], route: string): ReadonlyArray<unknown> =>
  requests
    .filter(({ path }) => path === `/2/${route}`)
    .map(({ headers, body }): unknown => JSON.parse(headers["dropbox-api-arg"] ?? body))

export const isAt =
  (route: string) =>
  ({ path }: EmulatedRequest): boolean =>
    path === `/2/${route}`

/** Whether a file is there once and with the same bytes, under this name and in this folder. */
export const isOnce = Effect.fnUntraced(function* (
  emulator: EmulatedDropbox,
  file: OutgoingFile,
  name: string = file.name,
  folder: ReadonlyArray<string> = []
) {
  const sha256 = yield* file.digest("sha256")
  const same = emulator.files.all().filter((one) => one.sha256 === sha256)
  assert.deepStrictEqual(
    same.map(({ name, folder, size }) => ({ name, folder, size })),
    [{ name, folder, size: file.size }]
  )
})

/** Asks the emulator itself, as anybody could. */
export const ask = (
  emulator: EmulatedDropbox,
  route: string,
  {
    json,
    argument,
    bytes = new Uint8Array(),
    headers = {}
  }: {
    readonly json?: unknown
    readonly argument?: unknown
    readonly bytes?: Uint8Array
    readonly headers?: Readonly<Record<string, string>>
  } = {}
) => {
  const isUpload = argument !== undefined
  return emulator.answer({
    method: "POST",
    path: route.startsWith("/") ? route : `/2/${route}`,
    query: new URLSearchParams(),
    headers: {
      authorization: `Bearer ${emulator.credentials.accessToken}`,
      "content-type": isUpload ? "application/octet-stream" : "application/json",
      ...(isUpload ? { "dropbox-api-arg": typeof argument === "string" ? argument : JSON.stringify(argument) } : {}),
      ...headers
    },
    host: isUpload ? "content.dropboxapi.com" : "api.dropboxapi.com",
    body: json === undefined ? "" : typeof json === "string" ? json : JSON.stringify(json),
    bytes,
    isPartial: false,
    now: 0
  })
}
