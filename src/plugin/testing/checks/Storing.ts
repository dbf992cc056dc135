/** Checks of files: that they arrive whole and once, whatever cuts their way. */
import { createHash } from "node:crypto"
import { Effect, Option, Result, type Scope } from "effect"
import { makeUploading } from "../../../files/Uploading.ts"
import type { OutgoingFile, StoredFile, Upload } from "../../Files.ts"
import { ProviderError } from "../../ProviderError.ts"
import { type Check, CheckFailed, expect, makeCheck } from "../Check.ts"
import type { OpenStand, Stand } from "../Stand.ts"
import { nth } from "../Trial.ts"

/** Sizes in bytes: nothing, little, and more than one request takes. */
const sizes = [0, 1, 1000, 20 * 1024 * 1024 + 7]
/** The most requests of one upload that a fault is tried at. */
const mostPositions = 8

export const storingChecks = (open: OpenStand): ReadonlyArray<Check> => [
  makeCheck(
    "files of any size arrive whole, each once, with their checksums",
    Effect.gen(function* () {
      const trial = yield* tryFiles(open())
      if (Option.isNone(trial)) return "does not apply"
      const { upload } = trial.value
      for (const size of sizes) {
        const file = bytesFile(`file-${size}.csv`, size)
        const stored = yield* upload(file)
        yield* expectOnce(trial.value, file, stored, "after an upload without faults")
      }
    })
  ),
  makeCheck(
    "an upload goes on after its connection was cut, and makes one file",
    Effect.gen(function* () {
      const first = yield* tryFiles(open())
      if (Option.isNone(first)) return "does not apply"
      const file = bytesFile("cut.csv", sizes.at(-1) ?? 0)
      yield* first.value.upload(file)
      const lengths = first.value.server.requests.map(({ headers }) => Number(headers["content-length"] ?? 0))
      for (const position of lengths.slice(0, mostPositions).keys()) {
        const trial = yield* tryFiles(open())
        if (Option.isNone(trial)) return
        const { server, upload } = trial.value
        const half = Math.floor((lengths[position] ?? 0) / 2)
        server.inject(
          half === 0 ? { kind: "cut", when: nth(position) } : { kind: { cutAfter: half }, when: nth(position) }
        )
        const stored = yield* upload(file)
        yield* expectOnce(trial.value, file, stored, `after request ${position + 1} was cut in its middle`)
      }
    })
  ),
  makeCheck(
    "after a lost answer, the same upload again makes no second file",
    Effect.gen(function* () {
      for (const size of [1000, sizes.at(-1) ?? 0]) {
        const first = yield* tryFiles(open())
        if (Option.isNone(first)) return "does not apply"
        const file = bytesFile("lost.csv", size)
        yield* first.value.upload(file)
        for (const position of first.value.server.requests.slice(0, mostPositions).keys()) {
          const trial = yield* tryFiles(open())
          if (Option.isNone(trial)) return
          const { server, uploadAnew } = trial.value
          server.inject({ kind: "cutAnswer", when: nth(position) })
          const stored = yield* uploadAnew(file)
          yield* expectOnce(trial.value, file, stored, `after the answer to request ${position + 1} was lost`)
        }
      }
    })
  ),
  makeCheck(
    "an account that is full is said at once, in words",
    Effect.gen(function* () {
      const trial = yield* tryFiles(open())
      if (Option.isNone(trial)) return "does not apply"
      const { there, upload } = trial.value
      there.fill(true)
      for (const size of [1000, sizes.at(-1) ?? 0]) {
        const result = yield* Effect.result(upload(bytesFile("full.csv", size)))
        const reason =
          Result.isFailure(result) && result.failure instanceof ProviderError ? result.failure.reason : undefined
        yield* expect(reason !== undefined && !/^(Unavailable|RateLimited|Unauthorized)$/.test(reason._tag), {
          expected: "An upload to a full account fails with what its user can do: Misconfigured or Rejected.",
          happened: `It is ${reason?._tag ?? "no ProviderError"}.`,
          advice: "Read the provider's error for its quota."
        })
      }
      yield* expect(there.all().length === 0, {
        expected: "Nothing is left of an upload that failed.",
        happened: "The emulator has a file.",
        advice: "Look at what the emulator keeps when it is full."
      })
    })
  )
]

/** A stand whose plugin and emulator have files. */
interface FileTrial extends Stand {
  readonly there: NonNullable<Stand["emulator"]["files"]>
  /** Uploads as the service does: again, from what was kept, after whatever may pass. */
  upload(file: OutgoingFile): Effect.Effect<StoredFile, unknown, Scope.Scope>
  /** The same, where each call is in a process of its own, which knows what was kept. */
  uploadAnew(file: OutgoingFile): Effect.Effect<StoredFile, unknown, Scope.Scope>
}

const tryFiles = <E>(made: Effect.Effect<Stand, E, Scope.Scope>) =>
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
    const filesOf = Effect.flatMap(stand.session(), ({ files }) => Effect.fromNullishOr(files))
    const trial: FileTrial = {
      ...stand,
      there,
      upload: Effect.fnUntraced(function* (file) {
        return yield* uploading(yield* filesOf, file, { state: null, keep: () => Effect.void })
      }),
      uploadAnew: Effect.fnUntraced(function* (file) {
        let kept: string | null = null
        const upload = (): Upload => ({
          kept,
          keep: (state) =>
            Effect.sync(() => {
              kept = state
            })
        })
        const put = Effect.flatMap(filesOf, ({ put }) => put(file, upload()))
        return yield* Effect.catch(put, () => put)
      })
    }
    return Option.some(trial)
  })

/** A file of bytes that repeat nowhere near. */
const bytesFile = (name: string, size: number): OutgoingFile => {
  const bytes = Buffer.alloc(size)
  for (let at = 0; at < size; at++) bytes[at] = (at * 2654435761) >>> 13
  const range = ({ from, length } = { from: 0, length: size }) => bytes.subarray(from, from + length)
  return {
    name,
    mimeType: "text/csv",
    size,
    read: (wanted) => Effect.sync(() => range(wanted)),
    digest: (algorithm, wanted) => Effect.sync(() => createHash(algorithm).update(range(wanted)).digest("hex"))
  }
}

const expectOnce = Effect.fnUntraced(function* (
  { there }: Pick<FileTrial, "there">,
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
  yield* expect(stored.size === file.size && /^\w+:\w+$/.test(stored.checksum), {
    expected: "put gives the size and the checksum of the file.",
    happened: `It gave ${stored.size} bytes and ${stored.checksum}.`,
    advice: "Give checksum as algorithm:hexadecimal, such as sha256:9f86…"
  })
})
