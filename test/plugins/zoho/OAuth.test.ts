/** Zoho's OAuth through the whole service, as the pages about its protocol and about data centres have it. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { json } from "nexus-integrations/plugin/testing"
import { ZohoEmulator } from "../../../plugins/zoho/Emulator.ts"
import { endingAfter, secondsTo, signer, signingLayer } from "../../support/Signing.ts"
import { changed } from "../../support/Travelling.ts"

const tokenPath = "/oauth/v2/token"
const scopes = [
  "ZohoCRM.modules.contacts.ALL",
  "ZohoCRM.modules.accounts.ALL",
  "ZohoCRM.users.READ",
  "ZohoCRM.settings.fields.READ"
]
const isUpsert = ({ path }: { readonly path: string }) => path === "/crm/v8/Contacts/upsert"
const signing = (userId: string) => signer("ZOHO", "zoho", userId)

layer(signingLayer("ZOHO", endingAfter(ZohoEmulator, isUpsert)), {
  excludeTestServices: true,
  timeout: "60 seconds"
})("Zoho's OAuth", (it) => {
  it.effect("sends the browser to the page of all data centres, for offline access", () =>
    Effect.gen(function* () {
      const { begin, redirectUri, oauth } = yield* signing("ann")
      const url = new URL(yield* begin)
      const { state = "", ...rest } = Object.fromEntries(url.searchParams)
      assert.strictEqual(url.pathname, "/oauth/v2/auth")
      assert.deepStrictEqual(rest, {
        response_type: "code",
        client_id: oauth.client.id,
        redirect_uri: redirectUri,
        scope: scopes.join(","),
        access_type: "offline",
        prompt: "consent"
      })
      assert.isAtLeast(state.length, 43)
    })
  )

  it.effect("exchanges the code where the account is, and keeps where that is", () =>
    Effect.gen(function* () {
      const { signIn, posted, fields, redirectUri, oauth, ask } = yield* signing("bea")
      yield* signIn
      const [exchange] = posted(tokenPath).slice(-1)
      const { code = "", ...rest } = exchange?.form ?? {}
      assert.strictEqual(exchange?.host, "accounts.zoho.eu")
      assert.deepStrictEqual(rest, {
        grant_type: "authorization_code",
        redirect_uri: redirectUri,
        client_id: oauth.client.id,
        client_secret: oauth.client.secret
      })
      assert.notStrictEqual(code, "")
      const { accessToken, refreshToken, expiresAt = "", ...others } = yield* fields
      assert.deepStrictEqual(others, {
        apiDomain: "https://www.zohoapis.eu",
        accountsServer: "https://accounts.zoho.eu"
      })
      assert.isDefined(accessToken)
      assert.isDefined(refreshToken)
      assert.approximately(yield* secondsTo(expiresAt), 3600, 30)
      assert.deepInclude((yield* ask("GET")).json, { status: "ACTIVE", accountLabel: "grace@example.com" })
    })
  )

  it.effect("takes a callback without a server for one of the United States", () =>
    Effect.gen(function* () {
      const { begin, goBack, oauth, posted } = yield* signing("cat")
      yield* goBack(changed(oauth.consent(yield* begin), { "accounts-server": null }))
      assert.strictEqual(posted(tokenPath).at(-1)?.host, "accounts.zoho.com")
    })
  )

  it.effect("gives its client's secret to no other server than Zoho's", () =>
    Effect.gen(function* () {
      const { begin, goBack, oauth, posted } = yield* signing("dan")
      const asks = posted(tokenPath).length
      for (const server of [
        "https://accounts.zoho.example",
        "https://accounts.zoho.eu.evil.example",
        "https://accounts.zoho.eu@evil.example",
        "https://accounts.zoho.eu:8443",
        "https://accounts.zoho.eu/",
        "http://accounts.zoho.eu",
        "//accounts.zoho.eu",
        "accounts.zoho.eu",
        "https://www.zohoapis.eu",
        "http://169.254.169.254",
        ""
      ]) {
        const back = changed(oauth.consent(yield* begin), { "accounts-server": server })
        const { outcome, message = "" } = yield* goBack(back)
        assert.strictEqual(outcome, "refused", server)
        assert.notInclude(message, "evil")
      }
      assert.strictEqual(posted(tokenPath).length, asks)
    })
  )

  it.effect("says that a code is refused also where Zoho calls that a success", () =>
    Effect.gen(function* () {
      const { begin, goBack, oauth, server } = yield* signing("dot")
      for (const [error, outcome] of [
        ["invalid_code", "refused"],
        ["invalid_client", "unavailable"]
      ] as const) {
        server.inject({ when: ({ path }) => path === tokenPath, kind: json(200, { error }) })
        assert.strictEqual((yield* goBack(oauth.consent(yield* begin))).outcome, outcome)
      }
    })
  )

  it.effect("renews where the account is, and keeps the refresh token and the rest", () =>
    Effect.gen(function* () {
      const { signIn, fields, oauth, verify, posted, store } = yield* signing("eve")
      yield* signIn
      const first = yield* fields
      oauth.expire()
      yield* verify
      assert.deepStrictEqual(posted(tokenPath).slice(-1), [
        {
          host: "accounts.zoho.eu",
          query: {},
          form: {
            grant_type: "refresh_token",
            refresh_token: first.refreshToken ?? "",
            client_id: oauth.client.id,
            client_secret: oauth.client.secret
          }
        }
      ])
      const { accessToken, expiresAt = "", ...rest } = yield* fields
      assert.notStrictEqual(accessToken, first.accessToken)
      assert.deepStrictEqual(rest, {
        refreshToken: first.refreshToken ?? "",
        apiDomain: "https://www.zohoapis.eu",
        accountsServer: "https://accounts.zoho.eu"
      })
      const { refreshes } = oauth.counts()
      yield* store({ expiresAt: new Date(Date.parse(expiresAt) - 56 * 60_000).toISOString() })
      yield* verify
      assert.strictEqual(oauth.counts().refreshes, refreshes + 1)
    })
  )

  it.effect("asks to connect again when the refresh token is revoked, and says so with status 200", () =>
    Effect.gen(function* () {
      const { signIn, oauth, check, posted, fields } = yield* signing("hal")
      yield* signIn
      const { refreshToken = "" } = yield* fields
      oauth.revoke(refreshToken)
      const asks = posted(tokenPath).length
      const { status, lastErrorKind, lastError } = yield* check
      assert.deepStrictEqual([status, lastErrorKind], ["ERROR", "Unauthorized"])
      assert.match(lastError ?? "", /^Zoho CRM refuses the credentials: .* Connect again/)
      assert.strictEqual(posted(tokenPath).length, asks + 1)
    })
  )

  it.effect("syncs 250 contacts past the end of a token", () =>
    Effect.gen(function* () {
      const { signIn, addContacts, ask, emulator, oauth } = yield* signing("ike")
      yield* signIn
      yield* addContacts(250)
      const { refreshes } = oauth.counts()
      const { status, json: run } = yield* ask("POST", "/sync")
      assert.strictEqual(status, 201)
      assert.strictEqual(run.contactsSynced, 250)
      assert.strictEqual(emulator.contacts?.all().length, 250)
      assert.strictEqual(oauth.counts().refreshes, refreshes + 1)
    })
  )

  it.effect("revokes the refresh token where the account is, in the query", () =>
    Effect.gen(function* () {
      const { signIn, fields, ask, posted, emulator } = yield* signing("ivy")
      yield* signIn
      const { refreshToken = "" } = yield* fields
      const before = emulator.revocations()
      assert.strictEqual((yield* ask("DELETE")).status, 200)
      assert.deepStrictEqual(posted("/oauth/v2/token/revoke").slice(-1), [
        { host: "accounts.zoho.eu", query: { token: refreshToken }, form: {} }
      ])
      assert.strictEqual(emulator.revocations(), before + 1)
    })
  )

  it.effect("takes a pasted token as before, which lasts for its hour", () =>
    Effect.gen(function* () {
      const { connect, check, oauth, posted, fields, ask } = yield* signing("jon")
      const pasted = { accessToken: oauth.give(scopes).accessToken, apiDomain: "https://www.zohoapis.eu" }
      assert.strictEqual((yield* connect(pasted)).json.status, "ACTIVE")
      assert.deepStrictEqual(yield* fields, pasted)
      oauth.expire()
      const asks = posted(tokenPath).length
      const { status, lastErrorKind, lastError } = yield* check
      assert.deepStrictEqual([status, lastErrorKind], ["ERROR", "Unauthorized"])
      assert.match(lastError ?? "", /Connect again/)
      assert.strictEqual(posted(tokenPath).length, asks)
      const revocations = posted("/oauth/v2/token/revoke").length
      assert.strictEqual((yield* ask("DELETE")).status, 200)
      assert.strictEqual(posted("/oauth/v2/token/revoke").length, revocations)
    })
  )
})
