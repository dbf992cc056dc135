/** Uploads that go on after whatever cuts them. */
import { Effect, Schedule } from "effect"
import { CallPatience } from "../integrations/CallPatience.ts"
import type { OutgoingFile, SessionFiles, StoredFile, Upload } from "../plugin/Files.ts"
import type { ProviderError } from "../plugin/ProviderError.ts"

/** Where an upload goes on, and how that is kept. */
export interface Kept {
  readonly state: string | null
  keep(state: string): Effect.Effect<void>
}

/**
 * Makes a function that brings a file to a provider. After a failure that may pass it goes on from where the provider is:
 * as often as it takes while the upload gets on, and a few times more and more slowly while it does not.
 */
export const makeUploading = Effect.gen(function* () {
  const { retries, retryAfter } = yield* CallPatience

  return Effect.fn("Uploading")(function* (
    files: SessionFiles,
    file: OutgoingFile,
    kept: Kept
  ): Effect.fn.Return<StoredFile, ProviderError> {
    let state = kept.state
    // How far reading has come, which is how far the provider has: it is asked where to go on.
    let furthest = -1
    let gotOn = false
    const observed: OutgoingFile = {
      ...file,
      read: (range) => {
        if (range.from > furthest) gotOn = true
        furthest = Math.max(furthest, range.from)
        return file.read(range)
      }
    }
    const keep = (next: string) =>
      Effect.suspend(() => {
        state = next
        return kept.keep(next)
      })
    // A session calls a second time by itself when its token was over: with what was kept by then.
    const upload: Upload = {
      get kept() {
        return state
      },
      keep
    }
    const attempt = Effect.suspend(() => {
      gotOn = false
      return files.put(observed, upload)
    })
    const mayPass = ({ reason }: ProviderError) => reason._tag === "Unavailable"
    const whileItGetsOn = Effect.retry(attempt, { while: (error) => mayPass(error) && gotOn })
    const stored = yield* Effect.retry(whileItGetsOn, {
      while: mayPass,
      times: retries,
      schedule: Schedule.exponential(retryAfter)
    })
    // Another size is that of the file from before a crash; what is none would be kept as nothing.
    const size = Number.isSafeInteger(stored.size) && stored.size >= 0 ? stored.size : file.size
    return { ...stored, size, link: isLink(stored.link) ? stored.link : null }
  })
})

/** People click on it: one that is no address of a page would run in the page that shows it. */
const isLink = (text: string | null) => URL.parse(text ?? "")?.protocol === "https:"
