/** verify and revoke. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { json, makeJumpingClock } from "nexus-integrations/plugin/testing"
import { oauth } from "../../../plugins/dropbox/OAuth.ts"
import { dropbox, isAt } from "./DropboxStand.ts"

describe("verify", () => {
  it.live("names the account, and proves two of the scopes", () =>
    Effect.gen(function* () {
      const { session, server, emulator } = yield* dropbox()
      assert.deepStrictEqual(yield* session.verify, {
        id: emulator.credentials.accountId ?? "",
        label: "ada@example.com"
      })
      assert.deepStrictEqual(
        server.requests.map(({ method, path, host, headers, body }) => [
          method,
          path,
          host,
          headers["content-type"],
          body
        ]),
        [
          ["POST", "/2/users/get_current_account", "api.dropboxapi.com", "application/json", "null"],
          ["POST", "/2/files/list_folder", "api.dropboxapi.com", "application/json", '{"path":"","limit":1}']
        ]
      )
    })
  )

  it.live("refuses a token of another account", () =>
    Effect.gen(function* () {
      const { open, emulator } = yield* dropbox()
      const other = "dbid:AAH4f99T0taONIb-OurWxbNQ6ywGRopQngc"
      const session = yield* open({ ...emulator.credentials, accountId: other })
      const { reason, detail } = yield* Effect.flip(session.verify)
      assert.strictEqual(reason._tag, "Misconfigured")
      assert.include(detail, emulator.credentials.accountId ?? "?")
    })
  )

  it.live("refuses a disabled account", () =>
    Effect.gen(function* () {
      const { session, server, emulator } = yield* dropbox()
      const { accountId } = emulator.credentials
      server.inject({ kind: json(200, { account_id: accountId, email: "ada@example.com", disabled: true }) })
      assert.strictEqual((yield* Effect.flip(session.verify)).reason._tag, "Forbidden")
    })
  )

  it.live("tells an expired token from a revoked one, and both from a suspended user", () =>
    Effect.gen(function* () {
      const { session, emulator } = yield* dropbox()
      const seen = Effect.map(Effect.flip(session.verify), ({ reason, detail }) => [reason._tag, detail])
      emulator.suspend(true)
      assert.deepStrictEqual(yield* seen, ["Forbidden", "The Dropbox account is suspended"])
      emulator.suspend(false)
      emulator.oauth.expire()
      assert.deepStrictEqual(yield* seen, ["Unauthorized", "The access token has expired"])
      emulator.revokeAccess(true)
      assert.deepStrictEqual(yield* seen, ["Unauthorized", "The access token is wrong or was revoked"])
    })
  )

  for (const scope of ["account_info.read", "files.metadata.read"]) {
    it.live(`names the scope ${scope} where it is missing`, () =>
      Effect.gen(function* () {
        const { open, emulator } = yield* dropbox()
        const given = emulator.oauth.give(oauth.scopes.filter((one) => one !== scope))
        const session = yield* open({ ...emulator.credentials, ...given })
        assert.deepInclude((yield* Effect.flip(session.verify)).reason, {
          _tag: "Forbidden",
          missing: `the scope ${scope}`
        })
      })
    )
  }

  it.live("waits where Dropbox throttles", () =>
    Effect.flatMap(makeJumpingClock, (clock) =>
      Effect.gen(function* () {
        const { session, server, emulator } = yield* dropbox()
        server.inject({ kind: emulator.failures.throttled, times: 2 })
        yield* session.verify
        assert.strictEqual(server.requests.length, 4)
      }).pipe(Effect.provideService(Clock.Clock, clock))
    )
  )
})

describe("revoke", () => {
  it.live("ends the access token and the refresh token with it", () =>
    Effect.gen(function* () {
      const { session, server, emulator } = yield* dropbox()
      assert.isDefined(session.revoke)
      yield* session.revoke
      const [request] = server.requests
      assert.deepInclude(request, {
        method: "POST",
        path: "/2/auth/token/revoke",
        host: "api.dropboxapi.com",
        body: "null"
      })
      assert.strictEqual((yield* Effect.flip(session.verify)).reason._tag, "Unauthorized")
      assert.isFalse(emulator.oauth.revoke(emulator.credentials.refreshToken ?? ""))
    })
  )

  it.live(
    "asks for a refresh where the access token has expired, and for nothing where there is no refresh token",
    () =>
      Effect.gen(function* () {
        const { session, open, emulator } = yield* dropbox()
        const { accessToken = "", accountId = "" } = emulator.credentials
        const alone = yield* open({ accessToken, accountId })
        emulator.oauth.expire()
        assert.isDefined(session.revoke)
        assert.isDefined(alone.revoke)
        assert.strictEqual((yield* Effect.flip(session.revoke)).reason._tag, "Unauthorized")
        yield* alone.revoke
      })
  )

  it.live("fails in an outage", () =>
    Effect.gen(function* () {
      const { session, server, emulator } = yield* dropbox()
      assert.isDefined(session.revoke)
      server.inject({ kind: emulator.failures.unavailable, when: isAt("auth/token/revoke") })
      assert.strictEqual((yield* Effect.flip(session.revoke)).reason._tag, "Unavailable")
    })
  )
})
