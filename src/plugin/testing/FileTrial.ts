import { createHash } from "node:crypto"
import { Context, Effect, Option, type Scope } from "effect"
import { makeUploading } from "../../files/Uploading.ts"
import type { OutgoingFile, StoredFile, Upload } from "../Files.ts"
import type { ProviderError } from "../ProviderError.ts"
import { CheckFailed, expect } from "./Check.ts"
import type { EmulatedRequest } from "./Emulator.ts"
import type { OpenStand, Stand } from "./Stand.ts"

/** A stand whose plugin and emulator have files. */
export interface FileTrial extends Stand {
  readonly there: NonNullable<Stand["emulator"]["files"]>
  /** Calls put once, in a process of its own, which knows what was kept. */
  put(file: OutgoingFile, upload: Upload): Effect.Effect<StoredFile, ProviderError, Scope.Scope>
  /** Uploads as the service does: again, from what was kept, after whatever may pass. */
  upload(file: OutgoingFile): Effect.Effect<StoredFile, ProviderError, Scope.Scope>
  /** Fails unless the file is there exactly once, as put said. */
  expectOnce(file: OutgoingFile, stored: StoredFile, when: string): Effect.Effect<void, CheckFailed>
}

/** What a trial of files is made with; none when the plugin has none. */
export const tryFiles = <E>(made: Effect.Effect<Stand, E, Scope.Scope>) =>
  Effect.gen(function* () {
    const stand = yield* made
    if (!stand.provider.hasFiles) return Option.none()
    const there = stand.emulator.files
    if (there === undefined) {
      return yield* new CheckFailed({
        expected: "A plugin with files has an emulator with files.",
        happened: "The emulator has none.",
        advice: "Give the emulator a member files, with all and fill."
      })
    }
    const uploading = yield* makeUploading
    const filesOf = stand.session().pipe(
      Effect.flatMap(({ files }) => Effect.fromNullishOr(files)),
      Effect.orDie
    )
    const trial: FileTrial = {
      ...stand,
      there,
      put: (file, upload) => Effect.flatMap(filesOf, ({ put }) => put(file, upload)),
      upload: Effect.fnUntraced(function* (file) {
        return yield* uploading(yield* filesOf, file, { state: null, keep: () => Effect.void })
      }),
      expectOnce: (file, stored, when) => expectOnce(there, file, stored, when)
    }
    return Option.some(trial)
  })

/** The requests of an upload without faults; none when the plugin has no files. */
export const requestsOf = (open: OpenStand, file: OutgoingFile) =>
  Effect.gen(function* () {
    const trial = yield* tryFiles(open())
    if (Option.isNone(trial)) return []
    const { upload, server } = trial.value
    const from = server.requests.length
    yield* upload(file)
    const requests: ReadonlyArray<EmulatedRequest> = server.requests.slice(from)
    return requests
  }).pipe(Effect.scoped)

/** What is kept from one call of put to the next. */
export const keeping = (): Upload => {
  let kept: string | null = null
  return {
    get kept() {
      return kept
    },
    keep: (state) =>
      Effect.sync(() => {
        kept = state
      })
  }
}

/** Bytes of a file that goes in one request. */
export const small = 1000
/**
 * Bytes of a file that takes several: by the manual, a request has at most 8 MiB of it. A reference, so that tests of the
 * checks need not send as many.
 */
export const LargeFile = Context.Reference("nexus/plugin/testing/LargeFile", {
  defaultValue: () => 9 * 1024 * 1024 + 7
})

/** A file of bytes that repeat nowhere near. Another `seed` makes other bytes. */
export const bytesFile = (name: string, size: number, seed = 0): OutgoingFile => {
  const bytes = bytesOf(seed + size).subarray(seed)
  const range = ({ from, length } = { from: 0, length: size }) => bytes.subarray(from, from + length)
  return {
    name,
    mimeType: "text/csv",
    size,
    read: (wanted) => Effect.sync(() => range(wanted)),
    digest: (algorithm, wanted) => Effect.sync(() => createHash(algorithm).update(range(wanted)).digest("hex"))
  }
}

/** A file whose first byte arrives as another one than its digests are of. */
export const damaged = (file: OutgoingFile): OutgoingFile => ({
  ...file,
  read: (range) =>
    Effect.map(file.read(range), (bytes) => {
      if (range.from > 0) return bytes
      const other = Buffer.from(bytes)
      other[0] = (bytes[0] ?? 0) ^ 1
      return other
    })
})

/** What files are cut from, made anew when one is larger. */
let source = Buffer.alloc(0)
const bytesOf = (size: number): Buffer => {
  if (source.length < size) {
    source = Buffer.alloc(size)
    for (let at = 0; at < size; at++) source[at] = Math.imul(at, 0x9e3779b1) >>> 13
  }
  return source.subarray(0, size)
}

const expectOnce = Effect.fnUntraced(function* (
  there: FileTrial["there"],
  file: OutgoingFile,
  stored: StoredFile,
  when: string
) {
  const sha256 = yield* file.digest("sha256")
  const same = there.all().filter((one) => one.sha256 === sha256 && one.size === file.size)
  const [only] = same
  yield* expect(same.length === 1 && only?.id === stored.id && only?.name === stored.name, {
    expected: `A file is at the provider exactly once ${when}, under the id and the name that put gave.`,
    happened: `It is there ${same.length} times${only === undefined ? "" : ` as ${only.name}`}; put said ${stored.name}.`,
    advice: "Keep what identifies the file before the request that makes it, and ask the provider where to go on."
  })
  yield* expect(there.all().length === 1, {
    expected: `Nothing else is at the provider ${when}.`,
    happened: `There are ${there.all().length} files.`,
    advice: "Look at which requests make a file."
  })
  yield* expect(stored.size === file.size && /^\w+:\w+$/.test(stored.checksum), {
    expected: "put gives the size and the checksum of the file.",
    happened: `It gave ${stored.size} bytes and ${stored.checksum}.`,
    advice: "Give checksum as algorithm:hexadecimal, such as sha256:9f86…"
  })
})
