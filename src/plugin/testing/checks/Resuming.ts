/** Checks of uploads that are called again: that they go on, and make one file. */
import { Effect, Exit, Option } from "effect"
import type { OutgoingFile } from "../../Files.ts"
import { type Check, expect, makeCheck } from "../Check.ts"
import type { EmulatedRequest } from "../Emulator.ts"
import { bytesFile, keeping, LargeFile, requestsOf, small, tryFiles } from "../FileTrial.ts"
import { connected, tryOAuth } from "../OAuthTrial.ts"
import type { OpenStand, Stand } from "../Stand.ts"
import { nth } from "../Trial.ts"

/** The most requests of one upload that a fault is tried at. */
const mostPositions = 8
/** Bytes that an upload may send beside the file: what is around it, and questions where to go on. */
const allowance = 64 * 1024

export const resumingChecks = (open: OpenStand): ReadonlyArray<Check> => [
  makeCheck(
    "an upload goes on after its connection was cut, and makes one file",
    Effect.gen(function* () {
      const file = bytesFile("cut.csv", yield* LargeFile)
      const lengths = (yield* requestsOf(open, file)).map(lengthOf)
      if (lengths.length === 0) return "does not apply"
      for (const position of lengths.slice(0, mostPositions).keys()) {
        const trial = yield* tryFiles(open())
        if (Option.isNone(trial)) return
        const { server, upload, expectOnce } = trial.value
        cut(server, position, lengths[position] ?? 0)
        const stored = yield* upload(file)
        const when = `after request ${position + 1} was cut in its middle`
        yield* expectOnce(file, stored, when)
        const sent = sum(server.requests.map(lengthOf))
        const most = sum(lengths) + (lengths[position] ?? 0) + allowance
        yield* expect(sent <= most, {
          expected: `An upload goes on where the provider is ${when}.`,
          happened: `It sent ${sent} bytes, and ${most} would have been enough.`,
          advice: "Keep the upload session before the first byte goes out, and ask the provider how much it has."
        })
      }
    })
  ),
  makeCheck(
    "after a lost answer, the same upload again makes no second file",
    Effect.gen(function* () {
      for (const size of [small, yield* LargeFile]) {
        const file = bytesFile("lost.csv", size)
        const requests = yield* requestsOf(open, file)
        if (requests.length === 0) return "does not apply"
        for (const position of requests.slice(0, mostPositions).keys()) {
          const trial = yield* tryFiles(open())
          if (Option.isNone(trial)) return
          const { server, put, expectOnce } = trial.value
          server.inject({ kind: "cutAnswer", when: nth(position) })
          const kept = keeping()
          const stored = yield* Effect.catch(put(file, kept), () => put(file, kept))
          yield* expectOnce(file, stored, `after the answer to request ${position + 1} was lost`)
        }
      }
    })
  ),
  makeCheck(
    "an upload of other bytes than what was kept is about begins anew",
    Effect.gen(function* () {
      const before = bytesFile("other.csv", yield* LargeFile)
      const file = bytesFile("other.csv", yield* LargeFile, 1)
      const lengths = (yield* requestsOf(open, before)).map(lengthOf)
      if (lengths.length === 0) return "does not apply"
      for (const position of lengths.slice(0, mostPositions).keys()) {
        const trial = yield* tryFiles(open())
        if (Option.isNone(trial)) return
        const { server, put, expectOnce } = trial.value
        cut(server, position, lengths[position] ?? 0)
        const kept = keeping()
        // One that made its file after all has nothing left to go on with.
        if (Exit.isSuccess(yield* Effect.exit(put(before, kept)))) continue
        server.heal()
        yield* expectOnce(
          file,
          yield* put(file, kept),
          `when an upload of other bytes was cut at request ${position + 1} before`
        )
      }
    })
  ),
  makeCheck(
    "an upload goes on when its access token ends on the way",
    Effect.gen(function* () {
      const trial = yield* tryFiles(open())
      if (Option.isNone(trial)) return "does not apply"
      const { expectOnce } = trial.value
      const granting = yield* tryOAuth(Effect.succeed(trial.value))
      if (Option.isNone(granting)) return "does not apply"
      const { emulated, openProcess } = granting.value
      const fields = yield* connected(granting.value)
      const { files } = yield* (yield* openProcess).open(fields)
      if (files === undefined) return
      const file = bytesFile("token.csv", yield* LargeFile)
      let isOver = false
      const ending: OutgoingFile = {
        ...file,
        read: (range) =>
          Effect.suspend(() => {
            if (!isOver) emulated.expire()
            isOver = true
            return file.read(range)
          })
      }
      yield* expectOnce(file, yield* files.put(ending, keeping()), "after its access token ended on the way")
    }),
    // The token that is over is renewed, and that has a deadline.
    "real"
  )
]

const lengthOf = ({ headers }: EmulatedRequest) => Number(headers["content-length"] ?? 0)
const sum = (numbers: ReadonlyArray<number>) => numbers.reduce((total, one) => total + one, 0)

/** Cuts a request in the middle of its body, or before it where it has none. */
const cut = (server: Stand["server"], position: number, length: number) => {
  const half = Math.floor(length / 2)
  server.inject({ kind: half === 0 ? "cut" : { cutAfter: half }, when: nth(position) })
}
