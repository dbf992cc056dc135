/** Dropbox's throttles, of which there are several shapes. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, DateTime, Duration, Effect } from "effect"
import { type EmulatedAnswer, json, makeJumpingClock } from "nexus-integrations/plugin/testing"
import { limits } from "../../../plugins/dropbox/Limits.ts"
import { chunkSize } from "../../../plugins/dropbox/UploadSession.ts"
import { bytesFile } from "../../support/BytesFile.ts"
import { dropbox, makeExport } from "./DropboxStand.ts"

const plain = (status: number, body: string): EmulatedAnswer => ({
  status,
  body,
  headers: { "content-type": "text/plain; charset=utf-8" }
})

describe("Dropbox's limits", () => {
  const now = DateTime.makeUnsafe(0)
  const throttle = (status: number, body: object | string, headers: Readonly<Record<string, string>> = {}) => {
    const text = typeof body === "string" ? body : JSON.stringify(body)
    const found = limits.throttled({ status, headers, body: text }, now)
    if (found === undefined) return undefined
    const { kind, retryAfter } = found
    return retryAfter === undefined ? kind : `${kind} ${Duration.toSeconds(Duration.fromInputUnsafe(retryAfter))}`
  }
  const because = (tag: string, more: object = {}) => ({
    error_summary: `${tag}/.`,
    error: { reason: { ".tag": tag }, ...more }
  })

  it("are read from the body, the header, both or neither", () => {
    const requests = "too_many_requests"
    assert.strictEqual(throttle(429, because("too_many_write_operations"), { "retry-after": "1" }), "rate 1")
    assert.strictEqual(throttle(429, because(requests, { retry_after: 300 })), "rate 300")
    assert.strictEqual(throttle(429, because(requests, { retry_after: 300 }), { "retry-after": "15" }), "rate 300")
    assert.strictEqual(throttle(429, because(requests, { retry_after: 2 }), { "retry-after": "15" }), "rate 15")
    assert.strictEqual(throttle(429, because(requests)), "rate")
    assert.strictEqual(throttle(429, because("of_tomorrow")), "rate")
    assert.strictEqual(throttle(429, "too_many_requests"), "rate")
    assert.strictEqual(throttle(429, "too_many_requests", { "retry-after": "7" }), "rate 7")
    assert.strictEqual(throttle(429, because(requests, { retry_after: -1 })), "rate")
    assert.strictEqual(throttle(429, "<html>"), "rate")
  })

  it("are in a refusal too, in both shapes", () => {
    const tag = { ".tag": "too_many_write_operations" }
    assert.strictEqual(throttle(409, { error: { ".tag": "path", reason: tag, upload_session_id: "1" } }), "rate")
    assert.strictEqual(throttle(409, { error: { ".tag": "path", path: tag } }), "rate")
    assert.strictEqual(throttle(409, { error: tag }), "rate")
    assert.isUndefined(throttle(409, { error: { ".tag": "path", path: { ".tag": "insufficient_space" } } }))
    assert.isUndefined(throttle(409, "too_many_write_operations"))
  })

  it("are no matter of other answers", () => {
    assert.isUndefined(throttle(503, "<html>", { "retry-after": "1" }))
    assert.isUndefined(throttle(200, because("too_many_requests")))
  })

  for (const size of [10, chunkSize + 1]) {
    it.live(`are waited out at every request of an upload (${size} bytes)`, () =>
      Effect.flatMap(makeJumpingClock, (clock) =>
        Effect.gen(function* () {
          const { files, emulator, server } = yield* dropbox()
          const asked = new Set<object>()
          for (const kind of [
            emulator.failures.throttled,
            plain(429, "too_many_requests"),
            json(409, {
              error_summary: "too_many_write_operations/.",
              error: { ".tag": "path", path: { ".tag": "too_many_write_operations" } }
            })
          ]) {
            let last = ""
            // Each request once: the same again is the one that waited.
            server.inject({
              kind,
              times: 100,
              when: ({ headers }) => {
                const argument = headers["dropbox-api-arg"] ?? ""
                const isNew = argument !== last
                last = argument
                return isNew
              }
            })
            yield* makeExport(files).put(bytesFile(`${asked.size}.csv`, size, asked.size))
            asked.add(kind)
            server.heal()
          }
          assert.strictEqual(emulator.files.all().length, 3)
        }).pipe(Effect.provideService(Clock.Clock, clock))
      )
    )
  }

  it.live("fail with until when, where the wait is long", () =>
    Effect.gen(function* () {
      const { files, server } = yield* dropbox()
      server.inject({ kind: json(429, because("too_many_requests", { retry_after: 300 })) })
      const { reason } = yield* Effect.flip(makeExport(files).put(bytesFile("a.csv", 1)))
      assert.strictEqual(reason._tag, "RateLimited")
      assert.isTrue(reason._tag === "RateLimited" && reason.until !== null)
    })
  )
})
