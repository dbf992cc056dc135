/** HubSpot's OAuth, version 3, through the whole service: its guide, and the changelog about standardized errors. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { json } from "nexus-integrations/plugin/testing"
import { HubSpotEmulator } from "../../../plugins/hubspot/Emulator.ts"
import { endingAfter, secondsTo, signer, signingLayer } from "../../support/Signing.ts"

const tokenPath = "/oauth/v3/token"
const scopes = ["oauth", "crm.objects.contacts.read", "crm.objects.contacts.write", "crm.schemas.contacts.read"]
const isCreate = ({ path }: { readonly path: string }) => path === "/crm/v3/objects/contacts/batch/create"
const signing = (userId: string) => signer("HUBSPOT", "hubspot", userId)

layer(signingLayer("HUBSPOT", endingAfter(HubSpotEmulator, isCreate)), {
  excludeTestServices: true,
  timeout: "60 seconds"
})("HubSpot's OAuth", (it) => {
  it.effect("sends the browser to the accounts' page, with PKCE", () =>
    Effect.gen(function* () {
      const { begin, redirectUri, oauth } = yield* signing("ann")
      const url = new URL(yield* begin)
      const { state = "", code_challenge = "", ...rest } = Object.fromEntries(url.searchParams)
      assert.strictEqual(url.pathname, "/oauth/authorize")
      assert.deepStrictEqual(rest, {
        response_type: "code",
        client_id: oauth.client.id,
        redirect_uri: redirectUri,
        scope: scopes.join(" "),
        code_challenge_method: "S256"
      })
      assert.include(url.search, `scope=${scopes.join("%20")}`)
      assert.match(code_challenge, /^[\w-]{43}$/)
      assert.isAtLeast(state.length, 43)
    })
  )

  it.effect("exchanges the code in the body, never in the query, and keeps tokens for half an hour", () =>
    Effect.gen(function* () {
      const { signIn, posted, fields, redirectUri, oauth, ask } = yield* signing("bea")
      yield* signIn
      const [exchange] = posted(tokenPath).slice(-1)
      const { code = "", code_verifier = "", ...rest } = exchange?.form ?? {}
      assert.strictEqual(exchange?.host, "api.hubapi.com")
      assert.deepStrictEqual(exchange?.query, {})
      assert.deepStrictEqual(rest, {
        grant_type: "authorization_code",
        redirect_uri: redirectUri,
        client_id: oauth.client.id,
        client_secret: oauth.client.secret
      })
      assert.notStrictEqual(code, "")
      assert.isAtLeast(code_verifier.length, 43)
      const { expiresAt = "", ...others } = yield* fields
      assert.approximately(yield* secondsTo(expiresAt), 1800, 30)
      assert.deepStrictEqual(Object.keys(others).sort(), ["accessToken", "refreshToken"])
      assert.deepInclude((yield* ask("GET")).json, { status: "ACTIVE", accountId: "12345678" })
    })
  )

  it.effect("looks for scopes in the list scopes", () =>
    Effect.gen(function* () {
      const { begin, goBack, oauth } = yield* signing("cat")
      const back = oauth.consent(yield* begin, { without: ["crm.objects.contacts.write"] })
      const { outcome, message = "" } = yield* goBack(back)
      assert.strictEqual(outcome, "missing_scope")
      assert.match(message, /leave this ticked: crm\.objects\.contacts\.write$/)
      const less = oauth.consent(yield* begin, { without: ["crm.schemas.contacts.read"] })
      assert.strictEqual((yield* goBack(less)).outcome, "connected")
    })
  )

  it.effect("renews a token in its last five minutes, and one that is refused", () =>
    Effect.gen(function* () {
      const { signIn, fields, store, oauth, verify, posted } = yield* signing("dee")
      yield* signIn
      const first = yield* fields
      const { refreshes } = oauth.counts()
      yield* verify
      assert.strictEqual(oauth.counts().refreshes, refreshes)
      yield* store({ expiresAt: new Date(Date.parse(first.expiresAt ?? "") - 26 * 60_000).toISOString() })
      yield* verify
      assert.strictEqual(oauth.counts().refreshes, refreshes + 1)
      const [refresh] = posted(tokenPath).slice(-1)
      assert.deepStrictEqual(refresh, {
        host: "api.hubapi.com",
        query: {},
        form: {
          grant_type: "refresh_token",
          refresh_token: first.refreshToken ?? "",
          client_id: oauth.client.id,
          client_secret: oauth.client.secret
        }
      })
      oauth.expire()
      yield* verify
      assert.strictEqual(oauth.counts().refreshes, refreshes + 2)
      const { accessToken, refreshToken, expiresAt = "" } = yield* fields
      assert.notStrictEqual(accessToken, first.accessToken)
      assert.strictEqual(refreshToken, first.refreshToken)
      assert.approximately(yield* secondsTo(expiresAt), 1800, 30)
    })
  )

  it.effect("keeps another refresh token, should one come", () =>
    Effect.gen(function* () {
      const { signIn, fields, oauth, verify, server } = yield* signing("eve")
      yield* signIn
      oauth.expire()
      const other = oauth.give(scopes)
      server.inject({
        when: ({ path }) => path === tokenPath,
        kind: json(200, {
          access_token: other.accessToken,
          refresh_token: other.refreshToken,
          expires_in: 1800,
          token_type: "bearer"
        })
      })
      yield* verify
      assert.deepInclude(yield* fields, other)
    })
  )

  it.effect("repeats a refresh whose answer was lost, which costs nothing", () =>
    Effect.gen(function* () {
      const { signIn, oauth, verify, server, posted } = yield* signing("fay")
      yield* signIn
      oauth.expire()
      server.inject({ when: ({ path }) => path === tokenPath, kind: "cutAnswer" })
      const asks = posted(tokenPath).length
      yield* verify
      assert.strictEqual(posted(tokenPath).length, asks + 2)
    })
  )

  it.effect("asks to connect again when the refresh token is bad, and waits when HubSpot is down", () =>
    Effect.gen(function* () {
      const { signIn, oauth, check, posted, server, fields } = yield* signing("gil")
      yield* signIn
      oauth.expire()
      server.inject({ when: ({ path }) => path === tokenPath, times: 9, kind: { status: 502, body: "<html></html>" } })
      assert.strictEqual((yield* check).lastErrorKind, "Unavailable")
      server.heal()
      const { refreshToken = "" } = yield* fields
      oauth.revoke(refreshToken)
      const asks = posted(tokenPath).length
      const { status, lastErrorKind, lastError } = yield* check
      assert.deepStrictEqual([status, lastErrorKind], ["ERROR", "Unauthorized"])
      assert.match(lastError ?? "", /^HubSpot refuses the credentials: .* Connect again/)
      assert.strictEqual(posted(tokenPath).length, asks + 1)
      yield* signIn
      assert.strictEqual((yield* check).status, "ACTIVE")
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
      assert.strictEqual(server.requests.filter(isCreate).length, 3)
    })
  )

  it.effect("revokes the refresh token, and says who asks", () =>
    Effect.gen(function* () {
      const { signIn, fields, ask, posted, emulator, oauth } = yield* signing("ivy")
      yield* signIn
      const { refreshToken = "" } = yield* fields
      const before = emulator.revocations()
      assert.strictEqual((yield* ask("DELETE")).status, 200)
      assert.deepStrictEqual(posted("/oauth/v3/token/revoke").slice(-1), [
        {
          host: "api.hubapi.com",
          query: {},
          form: {
            token: refreshToken,
            token_type_hint: "refresh_token",
            client_id: oauth.client.id,
            client_secret: oauth.client.secret
          }
        }
      ])
      assert.strictEqual(emulator.revocations(), before + 1)
    })
  )

  it.effect("takes a pasted token as before, which lasts as long as it lasts", () =>
    Effect.gen(function* () {
      const { connect, check, oauth, posted, fields, ask } = yield* signing("jon")
      const { accessToken } = oauth.give(scopes)
      assert.strictEqual((yield* connect({ accessToken })).json.status, "ACTIVE")
      assert.deepStrictEqual(yield* fields, { accessToken })
      oauth.expire()
      const asks = posted(tokenPath).length
      const { status, lastErrorKind, lastError } = yield* check
      assert.deepStrictEqual([status, lastErrorKind], ["ERROR", "Unauthorized"])
      assert.match(lastError ?? "", /The access token has expired\. Connect again/)
      assert.strictEqual(posted(tokenPath).length, asks)
      // HubSpot revokes refresh tokens; one of a private app is no business of that endpoint.
      const revocations = posted("/oauth/v3/token/revoke").length
      assert.strictEqual((yield* ask("DELETE")).status, 200)
      assert.strictEqual(posted("/oauth/v3/token/revoke").length, revocations)
    })
  )
})
