/** Salesforce's OAuth through the whole service: its help pages, and answers of apps that rotate refresh tokens. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { json } from "nexus-integrations/plugin/testing"
import { SalesforceEmulator } from "../../../plugins/salesforce/Emulator.ts"
import { endingAfter, signer, signingLayer } from "../../support/Signing.ts"

const instance = "acme.my.salesforce.com"
const tokenPath = "/services/oauth2/token"
const isWrite = ({ method, path }: { readonly method: string; readonly path: string }) =>
  method === "POST" && path.endsWith("/composite/sobjects")
const makeEmulator = endingAfter(SalesforceEmulator, isWrite)
const signing = (userId: string) => signer("SALESFORCE", "salesforce", userId)

layer(signingLayer("SALESFORCE", makeEmulator), { excludeTestServices: true, timeout: "60 seconds" })(
  "Salesforce's OAuth",
  (it) => {
    it.effect("sends the browser to the login page, with PKCE", () =>
      Effect.gen(function* () {
        const { begin, redirectUri, oauth } = yield* signing("ann")
        const url = new URL(yield* begin)
        const { state = "", code_challenge = "", ...rest } = Object.fromEntries(url.searchParams)
        assert.strictEqual(url.pathname, "/services/oauth2/authorize")
        assert.deepStrictEqual(rest, {
          response_type: "code",
          client_id: oauth.client.id,
          redirect_uri: redirectUri,
          scope: "api refresh_token id",
          code_challenge_method: "S256"
        })
        assert.include(url.search, "scope=api%20refresh_token%20id")
        assert.match(code_challenge, /^[\w-]{43}$/)
        assert.isAtLeast(state.length, 43)
      })
    )

    it.effect("exchanges the code at the login page, and keeps where the org is", () =>
      Effect.gen(function* () {
        const { signIn, posted, fields, redirectUri, oauth, ask } = yield* signing("bea")
        yield* signIn
        const [exchange] = posted(tokenPath).slice(-1)
        const { code = "", code_verifier = "", ...rest } = exchange?.form ?? {}
        assert.strictEqual(exchange?.host, "login.salesforce.com")
        assert.deepStrictEqual(rest, {
          grant_type: "authorization_code",
          redirect_uri: redirectUri,
          client_id: oauth.client.id,
          client_secret: oauth.client.secret
        })
        assert.notStrictEqual(code, "")
        assert.isAtLeast(code_verifier.length, 43)
        // Salesforce tells no end of the access token, so none is known.
        const { accessToken, refreshToken, ...others } = yield* fields
        assert.deepStrictEqual(others, { instanceUrl: `https://${instance}` })
        assert.isDefined(accessToken)
        assert.isDefined(refreshToken)
        assert.deepInclude((yield* ask("GET")).json, { status: "ACTIVE", accountLabel: instance })
      })
    )

    it.effect("is not connected without the scope api", () =>
      Effect.gen(function* () {
        const { begin, goBack, oauth } = yield* signing("cat")
        const { outcome, message = "" } = yield* goBack(oauth.consent(yield* begin, { without: ["api"] }))
        assert.strictEqual(outcome, "missing_scope")
        assert.match(message, /leave this ticked: api$/)
      })
    )

    it.effect("renews a refused token at the org itself, and keeps the refresh token that comes", () =>
      Effect.gen(function* () {
        const { signIn, fields, oauth, verify, posted } = yield* signing("dee")
        yield* signIn
        for (const _ of ["once", "again"]) {
          const { accessToken, refreshToken = "", instanceUrl } = yield* fields
          oauth.expire()
          yield* verify
          const [refresh] = posted(tokenPath).slice(-1)
          assert.deepStrictEqual(refresh, {
            host: instance,
            query: {},
            form: {
              grant_type: "refresh_token",
              refresh_token: refreshToken,
              client_id: oauth.client.id,
              client_secret: oauth.client.secret
            }
          })
          const now = yield* fields
          assert.notStrictEqual(now.accessToken, accessToken)
          assert.notStrictEqual(now.refreshToken, refreshToken)
          assert.strictEqual(now.instanceUrl, instanceUrl)
        }
      })
    )

    it.effect("follows an org that has moved", () =>
      Effect.gen(function* () {
        const { signIn, fields, oauth, verify, server } = yield* signing("eve")
        yield* signIn
        oauth.expire()
        const answer = { access_token: "A", instance_url: "https://moved.my.salesforce.com", token_type: "Bearer" }
        server.inject({ when: ({ path }) => path === tokenPath, kind: json(200, answer) })
        yield* Effect.exit(verify)
        assert.strictEqual((yield* fields).instanceUrl, "https://moved.my.salesforce.com")
      })
    )

    it.effect("ends with a refresh that was torn apart, as the old refresh token is spent", () =>
      Effect.gen(function* () {
        const { signIn, fields, oauth, check, server, posted } = yield* signing("fay")
        yield* signIn
        const { refreshToken } = yield* fields
        oauth.expire()
        server.inject({ when: ({ path }) => path === tokenPath, kind: "cutAnswer" })
        const asks = posted(tokenPath).length
        assert.strictEqual((yield* check).lastErrorKind, "Unavailable")
        assert.strictEqual(posted(tokenPath).length, asks + 1, "it is not asked twice")
        // Reuse ends the whole family: neither the one that was lost nor its access token opens anything.
        const { status, lastErrorKind, lastError } = yield* check
        assert.deepStrictEqual([status, lastErrorKind], ["ERROR", "Unauthorized"])
        assert.match(lastError ?? "", /Connect again/)
        assert.strictEqual((yield* fields).refreshToken, refreshToken)
        yield* signIn
        assert.strictEqual((yield* check).status, "ACTIVE")
      })
    )

    it.effect("asks to connect again when the grant is dead, and never asks Salesforce twice", () =>
      Effect.gen(function* () {
        const { signIn, oauth, check, server, posted } = yield* signing("gil")
        yield* signIn
        oauth.expire()
        const error_description = "expired access/refresh token"
        server.inject({
          when: ({ path }) => path === tokenPath,
          times: 2,
          kind: json(400, { error: "invalid_grant", error_description })
        })
        const asks = posted(tokenPath).length
        const { status, lastErrorKind, lastError } = yield* check
        server.heal()
        assert.deepStrictEqual([status, lastErrorKind], ["ERROR", "Unauthorized"])
        assert.match(lastError ?? "", /^Salesforce refuses the credentials: .* Connect again/)
        assert.strictEqual(posted(tokenPath).length, asks + 1)
      })
    )

    it.effect("syncs 250 contacts past the end of a token", () =>
      Effect.gen(function* () {
        const { signIn, addContacts, ask, emulator, oauth, server } = yield* signing("hal")
        yield* signIn
        yield* addContacts(250)
        const { refreshes } = oauth.counts()
        const { status, json: run } = yield* ask("POST", "/sync")
        assert.strictEqual(status, 201)
        assert.strictEqual(run.contactsSynced, 250)
        assert.strictEqual(emulator.contacts?.all().length, 250)
        assert.strictEqual(oauth.counts().refreshes, refreshes + 1)
        assert.strictEqual(server.requests.filter(isWrite).length, 2)
      })
    )

    it.effect("revokes the refresh token at the org, by a form", () =>
      Effect.gen(function* () {
        const { signIn, fields, ask, posted, emulator } = yield* signing("ivy")
        yield* signIn
        const { refreshToken } = yield* fields
        const before = emulator.revocations()
        assert.strictEqual((yield* ask("DELETE")).status, 200)
        const [revocation] = posted("/services/oauth2/revoke").slice(-1)
        assert.strictEqual(revocation?.host, instance)
        assert.deepStrictEqual(revocation?.form, { token: refreshToken ?? "" })
        assert.deepStrictEqual(revocation?.query, {})
        assert.strictEqual(emulator.revocations(), before + 1)
      })
    )

    it.effect("takes a pasted token as before, which lasts until its session ends", () =>
      Effect.gen(function* () {
        const { connect, check, oauth, posted, fields, ask, emulator } = yield* signing("jon")
        const { accessToken } = oauth.give(["api"])
        yield* connect({ accessToken, instanceUrl: `https://${instance}` })
        assert.deepStrictEqual(yield* fields, { accessToken, instanceUrl: `https://${instance}` })
        oauth.expire()
        const asks = posted(tokenPath).length
        const { status, lastErrorKind, lastError } = yield* check
        assert.deepStrictEqual([status, lastErrorKind], ["ERROR", "Unauthorized"])
        assert.match(lastError ?? "", /session has expired\. Connect again/)
        assert.strictEqual(posted(tokenPath).length, asks)
        const before = emulator.revocations()
        yield* ask("DELETE")
        assert.strictEqual(emulator.revocations(), before + 1)
      })
    )
  }
)

layer(signingLayer("SALESFORCE", SalesforceEmulator, { NEXUS_HOST_SALESFORCE_LOGIN: "https://test.salesforce.com" }), {
  excludeTestServices: true,
  timeout: "60 seconds"
})("Salesforce's sandboxes", (it) => {
  it.effect("sign in where NEXUS_HOST_SALESFORCE_LOGIN says", () =>
    Effect.gen(function* () {
      const url = new URL(yield* (yield* signing("kim")).begin)
      assert.strictEqual(url.origin + url.pathname, "https://test.salesforce.com/services/oauth2/authorize")
    })
  )

  it.effect("renew pasted tokens at their own address", () =>
    Effect.gen(function* () {
      const { connect, oauth, verify, posted } = yield* signing("lea")
      yield* connect({ ...oauth.give(["api"]), instanceUrl: `https://${instance}` })
      oauth.expire()
      yield* verify
      assert.deepStrictEqual(
        posted(tokenPath).map(({ host }) => host),
        [instance]
      )
    })
  )
})
