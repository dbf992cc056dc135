/** Dropbox's errors and throttles, in the shapes of its API specification and of recorded answers. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, DateTime, Duration, Effect } from "effect"
import { type EmulatedAnswer, json, makeJumpingClock } from "nexus-integrations/plugin/testing"
import { limits } from "../../../plugins/dropbox/Limits.ts"
import { chunkSize } from "../../../plugins/dropbox/UploadSession.ts"
import { bytesFile } from "../../support/BytesFile.ts"
import { dropbox, isAt, isOnce, makeExport, routes } from "./DropboxStand.ts"

const plain = (status: number, body: string): EmulatedAnswer => ({
  status,
  body,
  headers: { "content-type": "text/plain; charset=utf-8" }
})
const html = { status: 503, body: "<html>Dropbox - 503</html>", headers: { "content-type": "text/html" } }
const token = (error: object, status = 401) =>
  json(status, { error_summary: "x/...", error }, { "www-authenticate": 'Bearer realm="Dropbox-API"' })
const noScope =
  "Your app (ID: 1234) is not permitted to access this endpoint because it does not have the required scope 'files.metadata.read'. The owner of the app can enable the scope for the app using the Permissions tab on the App Console."

const general: ReadonlyArray<readonly [string, EmulatedAnswer, string, string]> = [
  [
    "plain text",
    plain(400, 'Error in call to API function "files/list_folder": request body: could not decode input as JSON'),
    "Rejected",
    'Dropbox refused the request: Error in call to API function "files/list_folder": request body: could not decode input as JSON'
  ],
  ["a page with status 400", plain(400, "<html>Bad request</html>"), "Rejected", "Dropbox answered with status 400"],
  [
    "an app without a scope",
    plain(400, `Error in call to API function "files/list_folder": ${noScope}`),
    "Forbidden",
    "Dropbox doesn't let this connection do that: it lacks the scope files.metadata.read"
  ],
  ["an expired token", token({ ".tag": "expired_access_token" }), "Unauthorized", "The access token has expired"],
  [
    "a token that is none",
    token({ ".tag": "invalid_access_token" }),
    "Unauthorized",
    "The access token is wrong or was revoked"
  ],
  [
    "a token without a scope",
    token({ ".tag": "missing_scope", required_scope: "files.content.write" }),
    "Forbidden",
    "Dropbox doesn't let this connection do that: it lacks the scope files.content.write"
  ],
  ["a scope without a name", token({ ".tag": "missing_scope" }), "Forbidden", "The connection lacks a scope"],
  ["a suspended user", token({ ".tag": "user_suspended" }), "Forbidden", "The Dropbox account is suspended"],
  ["a closed route", token({ ".tag": "route_access_denied" }), "Forbidden", "Dropbox doesn't let the app do that"],
  ["a tag of tomorrow", token({ ".tag": "sun_too_bright" }), "Unauthorized", "Dropbox answered with status 401"],
  ["401 without a body", plain(401, ""), "Unauthorized", "Dropbox answered with status 401"],
  [
    "another kind of account",
    token({ ".tag": "invalid_account_type", invalid_account_type: { ".tag": "endpoint" } }, 403),
    "Forbidden",
    "Dropbox answered with status 403"
  ],
  ["no permission", token({ ".tag": "no_permission" }, 403), "Forbidden", "Dropbox answered with status 403"],
  [
    "words for the user",
    json(403, {
      error_summary: "no_permission/",
      error: { ".tag": "no_permission" },
      user_message: { text: "Ask your admin.", locale: "en" }
    }),
    "Forbidden",
    "Ask your admin."
  ],
  ["a wrong root", token({ ".tag": "no_permission" }, 422), "Rejected", "Dropbox answered with status 422"],
  ["a fault of Dropbox's", plain(500, "oops"), "Unavailable", "Dropbox answered with status 500"],
  ["a page of an outage", html, "Unavailable", "Dropbox answered with status 503"]
]

describe("Dropbox's errors", () => {
  for (const [what, kind, tag, detail] of general) {
    it.live(`read ${what}`, () =>
      Effect.gen(function* () {
        const { session, files, server } = yield* dropbox()
        const put = makeExport(files).put(bytesFile("a.csv", 1))
        for (const call of [Effect.asVoid(session.verify), Effect.asVoid(put)]) {
          server.inject({ kind })
          const error = yield* Effect.flip(call)
          assert.deepStrictEqual([error.reason._tag, error.detail], [tag, detail])
        }
      })
    )
  }

  it.live("name what is missing", () =>
    Effect.gen(function* () {
      const { session, server } = yield* dropbox()
      for (const [kind, missing] of [
        [token({ ".tag": "missing_scope", required_scope: "files.metadata.read" }), "the scope files.metadata.read"],
        [plain(400, noScope), "the scope files.metadata.read"],
        [token({ ".tag": "user_suspended" }), "an account that is active"],
        [token({ ".tag": "invalid_account_type" }, 403), "another kind of Dropbox account"],
        [token({ ".tag": "of_tomorrow" }, 403), "permission"]
      ] as const) {
        server.inject({ kind })
        assert.deepInclude((yield* Effect.flip(session.verify)).reason, { _tag: "Forbidden", missing })
      }
    })
  )
})

const full = "Your Dropbox is full: free some space in it, or get more of it, and try again"
const badName = "Dropbox takes no file or folder of that name: choose another folder"
const noAccess = "Dropbox doesn't let you write to that folder"

const writeErrors: ReadonlyArray<readonly [object, string, string]> = [
  [{ ".tag": "insufficient_space" }, "Misconfigured", full],
  [{ ".tag": "no_write_permission" }, "Forbidden", noAccess],
  [{ ".tag": "access_restricted" }, "Forbidden", noAccess],
  [{ ".tag": "team_folder" }, "Misconfigured", "The folder belongs to a Dropbox team: choose another folder"],
  [{ ".tag": "malformed_path" }, "Misconfigured", badName],
  [{ ".tag": "malformed_path", malformed_path: "too odd" }, "Misconfigured", badName],
  [{ ".tag": "disallowed_name" }, "Misconfigured", badName],
  [
    { ".tag": "conflict", conflict: { ".tag": "file_ancestor" } },
    "Misconfigured",
    "The folder can't be made, as a file in Dropbox has its name: choose another"
  ],
  [
    { ".tag": "conflict", conflict: { ".tag": "folder" } },
    "Misconfigured",
    "A folder in Dropbox has the name of the file: rename it, or choose another folder"
  ],
  [{ ".tag": "operation_suppressed" }, "Unavailable", "Dropbox doesn't allow that at this time"],
  [{ ".tag": "sun_too_bright" }, "Rejected", "Dropbox refused it (path, sun_too_bright)"]
]

describe("What can't be written", () => {
  for (const [reason, tag, detail] of writeErrors) {
    const name = Object.values(reason)
      .map((value) => (typeof value === "string" ? value : JSON.stringify(value)))
      .join(" ")

    it.live(`is told alike in both shapes, whatever the number of dots: ${name}`, () =>
      Effect.gen(function* () {
        const { files, server } = yield* dropbox()
        const flat = { ".tag": "path", reason, upload_session_id: "pid_upload_session:1" }
        const nested = { ".tag": "path", path: reason }
        for (const [index, [route, error, size]] of (
          [
            ["files/upload", flat, 10],
            ["files/upload_session/finish", nested, chunkSize + 1]
          ] as const
        ).entries()) {
          for (const dots of ["", ".", "..."]) {
            server.inject({ kind: json(409, { error_summary: `path/x/${dots}`, error }), when: isAt(route) })
            const failure = yield* Effect.flip(makeExport(files).put(bytesFile(`${index}${dots.length}.csv`, size)))
            assert.deepStrictEqual([failure.reason._tag, failure.detail], [tag, detail])
            if (size > chunkSize) break
          }
        }
      })
    )
  }

  for (const [what, body, tag, detail] of [
    [
      "words for the user",
      { error_summary: "other/", error: { ".tag": "other" }, user_message: { text: "Not today.", locale: "en" } },
      "Rejected",
      "Not today."
    ],
    [
      "an error as a text",
      { error_summary: "x/", error: "payload_too_large" },
      "Rejected",
      "The file is larger than Dropbox takes"
    ],
    ["no error at all", {}, "Rejected", "Dropbox refused it (it doesn't say why)"],
    ["no JSON", "<html>", "Rejected", "Dropbox refused it (it doesn't say why)"]
  ] as const) {
    it.live(`is told with ${what}`, () =>
      Effect.gen(function* () {
        const { files, server } = yield* dropbox()
        server.inject({ kind: { status: 409, body } })
        const failure = yield* Effect.flip(makeExport(files).put(bytesFile("a.csv", 1)))
        assert.deepStrictEqual([failure.reason._tag, failure.detail], [tag, detail])
      })
    )
  }

  for (const size of [10, chunkSize + 1]) {
    it.live(`because the account is full can be once it is not (${size} bytes)`, () =>
      Effect.gen(function* () {
        const { files, emulator, server } = yield* dropbox()
        emulator.files.fill(true)
        const upload = makeExport(files)
        const file = bytesFile("a.csv", size)
        const failure = yield* Effect.flip(upload.put(file))
        assert.deepStrictEqual([failure.reason._tag, failure.detail], ["Misconfigured", full])
        assert.deepStrictEqual(emulator.files.all(), [])
        emulator.files.fill(false)
        const from = server.requests.length
        yield* upload.put(file)
        yield* isOnce(emulator, file)
        assert.notInclude(routes(server, from), "files/upload_session/append_v2")
      })
    )
  }

  it.live("below a file is told", () =>
    Effect.gen(function* () {
      const { files, emulator } = yield* dropbox({ folder: "/a.txt/b" })
      emulator.files.put("/a.txt", "a file")
      const failure = yield* Effect.flip(makeExport(files).put(bytesFile("c.csv", 1)))
      assert.strictEqual(failure.reason._tag, "Misconfigured")
    })
  )
})

describe("A file that Dropbox stored as something else", () => {
  for (const size of [10, chunkSize + 1]) {
    it.live(`is taken away and sent again (${size} bytes)`, () =>
      Effect.gen(function* () {
        const { files, emulator } = yield* dropbox()
        emulator.files.put("/a.csv", "somebody's own")
        emulator.damage(1)
        const upload = makeExport(files)
        const file = bytesFile("a.csv", size)
        const failure = yield* Effect.flip(upload.put(file))
        assert.deepStrictEqual([failure.reason._tag, failure.detail], ["Unavailable", "The file came across damaged"])
        assert.deepStrictEqual(
          emulator.files.all().map(({ name, text }) => [name, text]),
          [["a.csv", "somebody's own"]]
        )
        yield* upload.put(file)
        yield* isOnce(emulator, file, "a (1).csv")
      })
    )
  }
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
    assert.isUndefined(throttle(503, html.body, { "retry-after": "1" }))
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
