import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Result } from "effect"
import { makeUploading } from "../../src/files/Uploading.ts"
import { CallPatience } from "../../src/integrations/CallPatience.ts"
import type { OutgoingFile, SessionFiles } from "../../src/plugin/Files.ts"
import { misconfigured, unavailable } from "../../src/plugin/ProviderError.ts"

const file: OutgoingFile = {
  name: "a.csv",
  mimeType: "text/csv",
  size: 100,
  read: ({ length }) => Effect.succeed(new Uint8Array(length)),
  digest: () => Effect.succeed("00")
}
const stored = { id: "1", name: "a.csv", link: null, size: 100, checksum: "sha256:00" }

/** Uploads through a provider that does these things one after the other, the last one for ever. */
const upload = (...steps: ReadonlyArray<SessionFiles["put"]>) =>
  Effect.gen(function* () {
    const seen: Array<string | null> = []
    let step = 0
    const files: SessionFiles = {
      put: (given, upload) => {
        seen.push(upload.kept)
        const next = steps[Math.min(step++, steps.length - 1)]
        return next === undefined ? Effect.die("Nothing is to be done") : next(given, upload)
      }
    }
    const patience = { ...(yield* CallPatience), retryAfter: Duration.zero }
    const uploading = yield* Effect.provideService(makeUploading, CallPatience, patience)
    const result = yield* Effect.result(uploading(files, file, { state: "before", keep: () => Effect.void }))
    return { result, seen }
  })

const down = () => unavailable("down")
const done = () => Effect.succeed(stored)

describe("An upload", () => {
  it.live("goes on with what was kept last, from the beginning on", () =>
    Effect.gen(function* () {
      const { result, seen } = yield* upload(
        (_, { keep }) => Effect.andThen(keep("one"), unavailable("cut")),
        (_, { keep }) => Effect.andThen(keep("two"), unavailable("cut")),
        done
      )
      assert.deepStrictEqual(result, Result.succeed(stored))
      assert.deepStrictEqual(seen, ["before", "one", "two"])
    })
  )

  it.live("tells of no size that is none, and of no link that runs something", () =>
    Effect.gen(function* () {
      const links = ["javascript:alert(1)", "data:text/html,x", "http://files.example/1", "no link", ""]
      for (const link of links) {
        const { result } = yield* upload(() => Effect.succeed({ ...stored, size: Number.NaN, link }))
        assert.deepStrictEqual(result, Result.succeed({ ...stored, link: null }))
      }
      const link = "https://files.example/1"
      const { result } = yield* upload(() => Effect.succeed({ ...stored, size: -1, link }))
      assert.deepStrictEqual(result, Result.succeed({ ...stored, link }))
      const earlier = yield* upload(() => Effect.succeed({ ...stored, size: 99 }))
      assert.deepStrictEqual(earlier.result, Result.succeed({ ...stored, size: 99 }))
    })
  )

  it.live("tells what was kept to whoever calls twice in one go, as a session does whose token was over", () =>
    Effect.gen(function* () {
      let again: string | null = null
      yield* upload((_, upload) =>
        Effect.gen(function* () {
          yield* upload.keep("a session")
          again = upload.kept
          return stored
        })
      )
      assert.strictEqual(again, "a session")
    })
  )

  it.live("is tried a few times while it does not get on, and as often as it takes while it does", () =>
    Effect.gen(function* () {
      const stuck = yield* upload(down)
      assert.isTrue(Result.isFailure(stuck.result))
      const { retries } = yield* CallPatience
      assert.isAtMost(stuck.seen.length, 2 * (retries + 1))
      let at = 0
      const slow = yield* upload((given) =>
        Effect.gen(function* () {
          yield* given.read({ from: at++, length: 1 })
          return at < 100 ? yield* unavailable("cut") : stored
        })
      )
      assert.isTrue(Result.isSuccess(slow.result))
      assert.strictEqual(slow.seen.length, 100)
    })
  )

  it.live("is not tried again when its user has to do something", () =>
    Effect.gen(function* () {
      const { result, seen } = yield* upload(() => misconfigured("it is full"))
      assert.isTrue(Result.isFailure(result))
      assert.strictEqual(seen.length, 1)
    })
  )
})
