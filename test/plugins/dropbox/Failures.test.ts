/** Dropbox's errors, in the shapes of its API specification and of recorded answers. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type EmulatedAnswer, json } from "nexus-integrations/plugin/testing"
import { bytesFile } from "../../support/BytesFile.ts"
import { dropbox, makeExport } from "./DropboxStand.ts"

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
