import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect } from "effect"
import type { EmulatedAnswer } from "nexus-integrations/plugin/testing"
import { refusals } from "../../../plugins/google-drive/EmulatedAnswers.ts"
import { limits } from "../../../plugins/google-drive/Limits.ts"
import { bytesFile } from "../../support/BytesFile.ts"
import { chunk, driving, line, makeKept } from "./Driving.ts"

const scope = "https://www.googleapis.com/auth/drive.file"
const now = DateTime.makeUnsafe(0)
const error = (status: number, reason: string, message: string): EmulatedAnswer => ({
  status,
  body: { error: { errors: [{ domain: "global", reason, message }], code: status, message } }
})

/** An error body as published, and what it has to become. */
const told: ReadonlyArray<readonly [EmulatedAnswer, string, RegExp]> = [
  [refusals.unauthorized, "Unauthorized", /no longer accepts the access token/],
  [refusals.full, "Misconfigured", /^Your Google Drive is full\. Free some space/],
  [refusals.noScope, "Forbidden", /does not include Google Drive/],
  [error(403, "insufficientPermissions", "Insufficient Permission"), "Forbidden", /Connect again/],
  [
    { status: 403, body: { error: { code: 403, details: [{ reason: "ACCESS_TOKEN_SCOPE_INSUFFICIENT" }] } } },
    "Forbidden",
    /Connect again/
  ],
  [error(403, "domainPolicy", "The domain administrators have disabled Drive apps."), "Forbidden", /administrators/],
  [
    error(403, "insufficientFilePermissions", "The user does not have sufficient permissions for file 1."),
    "Forbidden",
    /sufficient permissions/
  ],
  [
    error(403, "appNotAuthorizedToFile", "The user has not granted the app 1 write access to the file 2."),
    "Forbidden",
    /not granted/
  ],
  [
    error(403, "accessNotConfigured", "Google Drive API has not been used in project 1"),
    "Misconfigured",
    /not enabled/
  ],
  [error(403, "activeItemCreationLimitExceeded", "x"), "Misconfigured", /as many as it can/],
  [error(403, "myDriveHierarchyDepthLimitExceeded", "x"), "Misconfigured", /too deep/],
  [error(403, "teamDriveHierarchyTooDeep", "x"), "Misconfigured", /too deep/],
  [error(403, "teamDriveFileLimitExceeded", "x"), "Misconfigured", /shared drive/],
  [error(403, "somethingNew", "Said in words"), "Forbidden", /^Said in words$/],
  [{ status: 403, body: "<html>" }, "Forbidden", /status 403/],
  [error(400, "badRequest", "Invalid Value"), "Rejected", /^Invalid Value$/],
  [refusals.backend, "Unavailable", /Backend Error/],
  [error(503, "backendError", "Backend Error"), "Unavailable", /Backend Error/],
  [{ status: 502, body: "<html>Bad gateway</html>" }, "Unavailable", /status 502/],
  [{ status: 504, body: { error: "no envelope" } }, "Unavailable", /status 504/],
  [{ status: 200, body: "<html>Sign in to the hotel</html>" }, "Unavailable", /not what its API promises/]
]

describe("An error of Google Drive", () => {
  for (const [index, [kind, reason, detail]] of told.entries()) {
    it.live(`is told in words, at each request: ${kind.status}, no. ${index + 1}, ${reason}`, () =>
      Effect.gen(function* () {
        for (const at of [
          "POST /drive/v3/files",
          "POST /upload/drive/v3/files multipart",
          "GET /drive/v3/files/generateIds"
        ]) {
          const { put, server, emulator } = yield* driving
          server.inject({ kind, when: (request) => line(request) === at })
          // A folder whose making was answered by a page is there or not; the next look will tell.
          const failure = yield* Effect.flip(put(bytesFile("a.csv", 10), makeKept().next())).pipe(
            Effect.orElseSucceed(() => undefined)
          )
          if (at === "POST /drive/v3/files" && kind.status === 200) continue
          assert.strictEqual(failure?.reason._tag, reason, at)
          assert.match(failure?.detail ?? "", detail)
          assert.notInclude(failure?.message, emulator.credentials.accessToken)
        }
      })
    )
  }

  it.live("ends an upload that is under way, unless another try may do", () =>
    Effect.gen(function* () {
      for (const [kind, reason] of told.filter(([{ status }]) => status !== 400 && status !== 200)) {
        const { put, server } = yield* driving
        server.inject({ kind, when: ({ headers }) => headers["content-range"] !== undefined, times: 2 })
        const failure = yield* Effect.flip(put(bytesFile("a.csv", chunk), makeKept().next()))
        assert.strictEqual(failure.reason._tag, reason, JSON.stringify(kind))
      }
    })
  )

  it.live("names the scope that is missing", () =>
    Effect.gen(function* () {
      const { session, emulator } = yield* driving
      const { accessToken } = emulator.oauth.give(["https://www.googleapis.com/auth/drive.readonly"])
      const { verify } = yield* session({ accessToken })
      const { reason } = yield* Effect.flip(verify)
      assert.deepInclude(reason, { _tag: "Forbidden", missing: `the scope ${scope}` })
    })
  )

  it.live(
    "about room fails before a byte is sent, or at the chunk that finds none, and frees itself with the room",
    () =>
      Effect.gen(function* () {
        for (const size of [100, 2 * chunk]) {
          const { put, server, emulator } = yield* driving
          emulator.files.fill(true)
          const failure = yield* Effect.flip(put(bytesFile("a.csv", size), makeKept().next()))
          assert.strictEqual(failure.reason._tag, "Misconfigured")
          assert.strictEqual(server.requests.filter(({ method }) => method === "PUT").length, 0)
          emulator.files.fill(false)
          yield* put(bytesFile("a.csv", size), makeKept().next())
        }
        const { put, server, emulator } = yield* driving
        const kept = makeKept()
        server.inject({
          kind: "cut",
          when: ({ headers }) => {
            const isSecond = headers["content-range"]?.startsWith(`bytes ${chunk}-`) === true
            if (isSecond) emulator.files.fill(true)
            return isSecond
          }
        })
        yield* Effect.flip(put(bytesFile("a.csv", 2 * chunk), kept.next()))
        const failure = yield* Effect.flip(put(bytesFile("a.csv", 2 * chunk), kept.next()))
        assert.match(failure.detail, /is full/)
        emulator.files.fill(false)
        yield* put(bytesFile("a.csv", 2 * chunk), kept.next())
        assert.strictEqual(emulator.files.all().length, 1)
      })
  )

  it.live("of a token that ended in the middle leaves the upload where it is", () =>
    Effect.gen(function* () {
      const { session, server, emulator, put } = yield* driving
      const kept = makeKept()
      const file = bytesFile("a.csv", 3 * chunk)
      server.inject({
        kind: refusals.unauthorized,
        when: ({ headers }) => headers["content-range"]?.startsWith(`bytes ${chunk}-`) === true
      })
      assert.strictEqual((yield* Effect.flip(put(file, kept.next()))).reason._tag, "Unauthorized")
      const { files } = yield* session({ accessToken: emulator.oauth.give([scope]).accessToken })
      yield* files?.put(file, kept.next()) ?? Effect.die("no files")
      assert.strictEqual(emulator.uploads.opened(), 1)
      assert.strictEqual(emulator.files.all().length, 1)
    })
  )
})

describe("Google Drive that throttles", () => {
  const kindOf = ({ status, body, headers = {} }: EmulatedAnswer) =>
    limits.throttled({ status, headers, body: typeof body === "string" ? body : JSON.stringify(body) }, now)

  it("is told by the reason of a 403, and by 429 alone", () => {
    assert.deepStrictEqual(kindOf(refusals.rate), { kind: "rate" })
    assert.deepStrictEqual(kindOf(refusals.userRate), { kind: "rate" })
    assert.deepStrictEqual(kindOf(refusals.tooMany), { kind: "rate" })
    assert.deepStrictEqual(kindOf({ status: 429, body: "" }), { kind: "rate" })
    assert.deepStrictEqual(kindOf(error(403, "userRateLimitExceeded", "User rate limit exceeded.")), { kind: "rate" })
    assert.deepStrictEqual(kindOf(refusals.daily), { kind: "quota" })
    for (const [answer] of told) assert.isUndefined(kindOf(answer), JSON.stringify(answer))
    assert.isUndefined(kindOf({ status: 403, body: "<html>rateLimitExceeded</html>" }))
  })

  it("is followed where it says how long", () => {
    const { retryAfter } = kindOf({ ...refusals.tooMany, headers: { "retry-after": "7" } }) ?? {}
    assert.isDefined(retryAfter)
    assert.strictEqual(
      JSON.stringify(retryAfter),
      JSON.stringify(kindOf({ status: 429, headers: { "retry-after": "7" }, body: "" })?.retryAfter)
    )
  })

  it.live("gets the same chunk again", () =>
    Effect.gen(function* () {
      for (const throttled of [refusals.rate, refusals.userRate, refusals.tooMany]) {
        const { put, server, emulator } = yield* driving
        const kind = { ...throttled, headers: { "retry-after": "0" } }
        server.inject({ kind, when: ({ headers }) => headers["content-range"] !== undefined, times: 3 })
        yield* put(bytesFile("a.csv", chunk), makeKept().next())
        assert.strictEqual(server.requests.filter(({ method }) => method === "PUT").length, 4)
        assert.strictEqual(emulator.files.all().length, 1)
      }
    })
  )

  it.live("for the day is a quota that is used up", () =>
    Effect.gen(function* () {
      const { put, server } = yield* driving
      server.inject({ kind: refusals.daily })
      const failure = yield* Effect.flip(put(bytesFile("a.csv", 10), makeKept().next()))
      assert.strictEqual(failure.reason._tag, "QuotaExhausted")
    })
  )
})
