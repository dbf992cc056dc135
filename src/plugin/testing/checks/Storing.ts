/** Checks of files: that they arrive whole and once, and what is said when they can't. */
import { Effect, Option, Result } from "effect"
import { ProviderError } from "../../ProviderError.ts"
import { type Check, expect, makeCheck } from "../Check.ts"
import { bytesFile, damaged, keeping, LargeFile, requestsOf, small, tryFiles } from "../FileTrial.ts"
import type { OpenStand } from "../Stand.ts"
import { nth } from "../Trial.ts"
import { expectReason, outages, shownRequest } from "./Verifying.ts"

/** The most requests of one upload that an outage is tried at. */
const mostPositions = 4

export const storingChecks = (open: OpenStand): ReadonlyArray<Check> => [
  makeCheck(
    "files of any size arrive whole, each once, with their checksums",
    Effect.gen(function* () {
      for (const size of [0, 1, small, yield* LargeFile]) {
        const trial = yield* tryFiles(open())
        if (Option.isNone(trial)) return "does not apply"
        const { upload, expectOnce } = trial.value
        const file = bytesFile(`file-${size}.csv`, size)
        yield* expectOnce(file, yield* upload(file), "after an upload without faults")
      }
    })
  ),
  makeCheck(
    "a file that comes across damaged is not taken for whole, and not left behind",
    Effect.gen(function* () {
      for (const size of [small, yield* LargeFile]) {
        const trial = yield* tryFiles(open())
        if (Option.isNone(trial)) return "does not apply"
        const { put, there } = trial.value
        const file = damaged(bytesFile("damaged.csv", size))
        yield* expectReason("Unavailable", "put of a file that comes across damaged", put(file, keeping()))
        yield* expect(there.all().length === 0, {
          expected: "Nothing is left of a file that came across damaged.",
          happened: "The emulator has it.",
          advice: "Compare the provider's checksum with the file's own, and take away a file that has another one."
        })
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
      for (const size of [small, yield* LargeFile]) {
        const result = yield* Effect.result(upload(bytesFile("full.csv", size)))
        const reason =
          Result.isFailure(result) && result.failure instanceof ProviderError ? result.failure.reason : undefined
        yield* expect(reason !== undefined && /^(Misconfigured|Rejected|Forbidden)$/.test(reason._tag), {
          expected: "An upload to a full account fails with what its user can do: Misconfigured or Rejected.",
          happened: `It is ${reason?._tag ?? "no ProviderError"}.`,
          advice:
            "Read the provider's error for its quota; QuotaExhausted is for allowances that come back by themselves."
        })
      }
      yield* expect(there.all().length === 0, {
        expected: "Nothing is left of an upload that failed.",
        happened: "The emulator has a file.",
        advice: "Look at what the emulator keeps when it is full."
      })
    })
  ),
  makeCheck(
    "an outage during an upload is told at once, and not retried by the plugin",
    Effect.gen(function* () {
      const file = bytesFile("outage.csv", small)
      const requests = yield* requestsOf(open, file)
      if (requests.length === 0) return "does not apply"
      const { emulator } = yield* open()
      for (const position of requests.slice(0, mostPositions).keys()) {
        for (const [what, kind] of outages(emulator)) {
          const trial = yield* tryFiles(open())
          if (Option.isNone(trial)) return
          const { put, server, expectOnce } = trial.value
          server.inject({ kind, when: nth(position) })
          const result = yield* Effect.result(put(file, keeping()))
          if (Result.isSuccess(result) && typeof kind === "object" && "status" in kind && kind.status === 200) {
            // An answer that says nothing but that all is well may be of any form, if nothing is missing in the end.
            yield* expectOnce(file, result.success, `after an outage (${what})`)
            continue
          }
          yield* expectReason("Unavailable", `put during an outage (${what})`, Effect.fromResult(result))
          const lines = server.requests.slice(position).map(shownRequest)
          yield* expect(lines.filter((sent) => sent === lines[0]).length === 1, {
            expected: "A plugin never retries: the service does, for all of them alike.",
            happened: "The request that failed was sent a second time.",
            advice: "Let the call fail with Unavailable."
          })
        }
      }
    })
  )
]
