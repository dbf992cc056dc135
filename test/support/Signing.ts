/** Users who connect a provider that comes with the service in their browser, over HTTP, with its emulator. */
import { PgClient } from "@effect/sql-pg"
import { assert } from "@effect/vitest"
import { DateTime, Effect, Redacted } from "effect"
import type { EmulatedRequest, Emulator } from "nexus-integrations/plugin/testing"
import { ProviderId, UserId } from "../../src/domain/Ids.ts"
import { Checks } from "../../src/integrations/Checks.ts"
import { Connections } from "../../src/integrations/Connections.ts"
import { IntegrationRepo } from "../../src/integrations/IntegrationRepo.ts"
import { StoredCredentials, texts } from "../../src/integrations/StoredCredentials.ts"
import { openBrowser } from "./Browser.ts"
import { withEmulators } from "./Integrating.ts"
import { userOf } from "./ProviderUser.ts"
import { TestApi } from "./TestApi.ts"

const site = "https://nexus.example.com"
const returnUrl = "https://app.example.com/integrations"

/** The API, and one provider's emulator. */
export const signingLayer = (
  provider: string,
  makeEmulator: () => Emulator,
  variables: Readonly<Record<string, string>> = {}
) =>
  withEmulators({ [provider]: makeEmulator }, (hosts) =>
    TestApi.layer({ PUBLIC_URL: site, RETURN_URLS: returnUrl, ...hosts, ...variables })
  )

/** A user of a provider whose paths have this slug, and all that can happen to their sign-in. */
export const signer = Effect.fnUntraced(function* (provider: string, slug: string, userId: string) {
  const { token } = yield* TestApi
  const user = yield* userOf(provider, userId)
  const browser = yield* openBrowser
  const sql = yield* PgClient.PgClient
  const repo = yield* IntegrationRepo
  const stored = yield* StoredCredentials
  const connections = yield* Connections
  const checks = yield* Checks
  const { oauth } = user.emulator
  assert.isDefined(oauth)
  const redirectUri = `${site}/integrations/oauth/${slug}/callback`
  oauth.register(redirectUri)
  const bearer = yield* token(userId)
  yield* browser.visit("/session", { method: "POST", headers: { authorization: `Bearer ${bearer}` } })

  /** The provider's page, where the browser is sent. */
  const begin = Effect.map(
    browser.visit(`/integrations/oauth/${slug}/authorize?returnUrl=${encodeURIComponent(returnUrl)}`),
    ({ location }) => location
  )
  /** Goes back to the service; what the page says where the browser ends. */
  const goBack = (url: string) =>
    Effect.map(browser.visit(url), ({ location }) => Object.fromEntries(new URL(location).searchParams))
  const row = Effect.gen(function* () {
    const found = yield* repo.find(UserId.make(userId), ProviderId.make(provider))
    assert.isDefined(found)
    return found
  })
  const fields = Effect.gen(function* () {
    return texts(Redacted.value(yield* stored.open(yield* row)))
  })
  return {
    ...user,
    oauth,
    redirectUri,
    begin,
    goBack,
    /** Consents to everything. */
    signIn: Effect.gen(function* () {
      const outcome = yield* goBack(oauth.consent(yield* begin))
      assert.strictEqual(outcome.outcome, "connected", outcome.message)
    }),
    /** The credentials that are stored. */
    fields,
    /** Stores other ones in their place. */
    store: Effect.fnUntraced(function* (changes: Readonly<Record<string, string>>) {
      const found = yield* row
      const sealed = yield* stored.seal(found, { ...(yield* fields), ...changes })
      yield* sql`UPDATE nexus.integration SET credentials = ${sealed} WHERE id = ${found.id}::uuid`
    }),
    verify: Effect.scoped(Effect.flatMap(row, (found) => Effect.flatMap(connections.session(found), (s) => s.verify))),
    /** Lets the service look whether it still works. */
    check: Effect.gen(function* () {
      yield* checks.check(yield* row)
      const { status, lastErrorKind, lastError } = yield* row
      return { status, lastErrorKind, lastError }
    }),
    /** Forms that were posted to a path, with the host that was meant. */
    posted: (path: string) =>
      user.server.requests
        .filter((request) => request.method === "POST" && request.path === path)
        .map(({ host, body, query }) => ({
          host,
          query: Object.fromEntries(query),
          form: Object.fromEntries(new URLSearchParams(body))
        }))
  }
})

/** An emulator whose access tokens end with the answer to the first of these requests. */
export const endingAfter = (makeEmulator: () => Emulator, isLast: (request: EmulatedRequest) => boolean) => () => {
  const emulator = makeEmulator()
  let isOver = false
  return {
    ...emulator,
    answer: (request) => {
      const answer = emulator.answer(request)
      if (!isOver && isLast(request)) {
        isOver = true
        emulator.oauth?.expire()
      }
      return answer
    }
  } satisfies Emulator
}

/** Seconds until a time, from now. */
export const secondsTo = Effect.fnUntraced(function* (time: string) {
  return (DateTime.toEpochMillis(DateTime.makeUnsafe(time)) - DateTime.toEpochMillis(yield* DateTime.now)) / 1000
})
