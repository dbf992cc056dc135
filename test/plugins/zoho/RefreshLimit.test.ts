/** Ten access tokens for a refresh token in ten minutes is what Zoho gives. */
import { assert, layer } from "@effect/vitest"
import { DateTime, Effect } from "effect"
import { json } from "nexus-integrations/plugin/testing"
import { ZohoEmulator } from "../../../plugins/zoho/Emulator.ts"
import { secondsTo, signer, signingLayer } from "../../support/Signing.ts"

const tokenPath = "/oauth/v2/token"
const signing = (userId: string) => signer("ZOHO", "zoho", userId)

layer(signingLayer("ZOHO", ZohoEmulator), { excludeTestServices: true, timeout: "60 seconds" })(
  "Zoho's limit",
  (it) => {
    it.effect("takes too many refreshes for a wait of ten minutes, and not for the end of the grant", () =>
      Effect.gen(function* () {
        const { signIn, oauth, check, verify, server } = yield* signing("fay")
        yield* signIn
        oauth.expire()
        server.inject({
          when: ({ path }) => path === tokenPath,
          times: 2,
          kind: json(400, {
            error: "Access Denied",
            error_description: "You have made too many requests continuously. Please try again after some time."
          })
        })
        const { reason } = yield* Effect.flip(verify)
        assert.strictEqual(reason._tag, "RateLimited")
        const until = reason._tag === "RateLimited" && reason.until !== null ? DateTime.formatIso(reason.until) : ""
        assert.approximately(yield* secondsTo(until), 600, 30)
        const { lastErrorKind, lastError } = yield* check
        assert.strictEqual(lastErrorKind, "RateLimited")
        assert.match(lastError ?? "", /It is tried again by itself/)
        assert.strictEqual((yield* check).status, "ACTIVE")
      })
    )

    it.effect("never asks for more than ten tokens in ten minutes", () =>
      Effect.gen(function* () {
        const { signIn, oauth, check, posted, server, fields } = yield* signing("gus")
        yield* signIn
        const asks = posted(tokenPath).length
        // An account that refuses every new token.
        server.inject({
          when: ({ path }) => path === "/crm/v8/users",
          times: 100,
          kind: json(401, { code: "INVALID_TOKEN" })
        })
        const kinds: Array<string | null> = []
        for (let n = 0; n < 12; n++) kinds.push((yield* check).lastErrorKind)
        server.heal()
        assert.strictEqual(posted(tokenPath).length, asks + 10)
        assert.deepStrictEqual(kinds, [
          ...Array.from({ length: 10 }, () => "Unauthorized"),
          "RateLimited",
          "RateLimited"
        ])
        assert.strictEqual((yield* check).status, "ACTIVE")
        // Another grant has an allowance of its own.
        yield* signIn
        oauth.expire()
        const { accessToken } = yield* fields
        assert.strictEqual((yield* check).status, "ACTIVE")
        assert.notStrictEqual((yield* fields).accessToken, accessToken)
      })
    )
  }
)
