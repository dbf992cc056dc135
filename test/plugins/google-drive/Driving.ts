import { Effect, Result } from "effect"
import type { OutgoingFile, ProviderError, StoredFile, Upload } from "nexus-integrations/plugin"
import { type EmulatedRequest, makeStand } from "nexus-integrations/plugin/testing"
import { GoogleDriveEmulator } from "../../../plugins/google-drive/Emulator.ts"
import { GoogleDrivePlugin } from "../../../plugins/google-drive/GoogleDrive.ts"

export const KiB = 1024
export const MiB = 1024 * 1024
/** What the plugin sends at once. */
export const chunk = 8 * MiB

/** What the service keeps of an upload, from one call of `put` to the next. */
export const makeKept = (first: string | null = null) => {
  let kept = first
  return {
    next: (): Upload => ({
      kept,
      keep: (state) =>
        Effect.sync(() => {
          kept = state
        })
    }),
    state: () => kept
  }
}

/** The plugin beside its emulator, with what tests do with both. */
export const driving = Effect.gen(function* () {
  const emulator = GoogleDriveEmulator()
  const stand = yield* makeStand(GoogleDrivePlugin, () => emulator)
  const { files } = yield* stand.session()
  if (files === undefined) throw new Error("The plugin has no files")
  const { put } = files

  /** Calls `put` as the service does: again after each failure that may pass, with what was kept. */
  const bring = Effect.fnUntraced(function* (file: OutgoingFile, kept = makeKept(), most = 60) {
    let failures = 0
    for (;;) {
      const result: Result.Result<StoredFile, ProviderError> = yield* Effect.result(put(file, kept.next()))
      if (Result.isSuccess(result)) return { stored: result.success, failures }
      if (result.failure.reason._tag !== "Unavailable" || ++failures > most) return yield* result.failure
    }
  })

  return { ...stand, emulator, put, bring }
})

/** A request in one line: `PUT /upload/drive/v3/files bytes 0-1/2`. */
export const line = ({ method, path, query, headers }: EmulatedRequest): string =>
  [method, path.replace(/\/1Emulated\d+$/, "/:id"), query.get("uploadType"), headers["content-range"]]
    .filter((part) => part != null)
    .join(" ")

/** A file whose digests are computed once, as the service has it. */
export const withDigests = (file: OutgoingFile): OutgoingFile => {
  const known = new Map<string, string>()
  return {
    ...file,
    digest: (algorithm, range) =>
      Effect.suspend(() => {
        const key = `${algorithm} ${range?.from} ${range?.length}`
        const found = known.get(key)
        if (found !== undefined) return Effect.succeed(found)
        return Effect.tap(file.digest(algorithm, range), (digest) => Effect.sync(() => known.set(key, digest)))
      })
  }
}

/** Numbers from 0 to 1 without pattern, always the same ones for a seed (mulberry32). */
export const random = (seed: number) => {
  let state = seed
  return (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
