/** Integrations of the tests' own providers, whose access ends. */
import { PgClient } from "@effect/sql-pg"
import { assert } from "@effect/vitest"
import { ConfigProvider, DateTime, Effect, Layer, Redacted } from "effect"
import { NewIntegration } from "../../src/domain/Integration.ts"
import { Checks } from "../../src/integrations/Checks.ts"
import { Connections } from "../../src/integrations/Connections.ts"
import { IntegrationRepo } from "../../src/integrations/IntegrationRepo.ts"
import { Integrations } from "../../src/integrations/Integrations.ts"
import { StoredCredentials, texts } from "../../src/integrations/StoredCredentials.ts"
import { Emulators, integratingLayer, withEmulators } from "../support/Integrating.ts"
import { actor } from "../support/People.ts"
import { EbbPlugin, TidePlugin } from "./fixtures/Tide.ts"
import { EbbEmulator, TideEmulator, tideClient } from "./fixtures/TideEmulator.ts"

export const TestLayer = withEmulators({ TIDE: TideEmulator, EBB: EbbEmulator }, (variables) =>
  integratingLayer(Layer.mergeAll(TidePlugin, EbbPlugin)).pipe(
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ ...tideClient, ...variables })))
  )
)

/** A user's integration with a grant of its own, whose access token ends so many seconds from now. */
export const integration = Effect.fnUntraced(function* (
  userId: string,
  provider: "TIDE" | "EBB",
  seconds: number | null
) {
  const { emulator, server } = (yield* Emulators).of(provider)
  const { oauth } = emulator
  assert.isDefined(oauth)
  const integrations = yield* Integrations
  const repo = yield* IntegrationRepo
  const stored = yield* StoredCredentials
  const sql = yield* PgClient.PgClient
  const tokens = oauth.give(["sea"])
  const { id } = yield* integrations.connect(actor(userId), new NewIntegration({ provider, credentials: tokens }))
  const found = yield* repo.byId(id)
  assert.isDefined(found)
  const ends = seconds === null ? {} : { expiresAt: DateTime.formatIso(DateTime.add(yield* DateTime.now, { seconds })) }
  yield* sql`UPDATE nexus.integration SET credentials = ${yield* stored.seal(found, { ...tokens, ...ends })} WHERE id = ${id}::uuid`
  const row = yield* repo.byId(id)
  assert.isDefined(row)
  const before = oauth.counts().refreshes
  return {
    row,
    oauth,
    server,
    refused: tokens.accessToken,
    refreshToken: tokens.refreshToken,
    refreshes: () => oauth.counts().refreshes - before,
    asks: () =>
      server.requests.filter(({ path, body }) => path === "/token" && body.includes(tokens.refreshToken)).length,
    verify: Effect.scoped(Effect.flatMap((yield* Connections).session(row), ({ verify }) => verify)),
    check: Effect.andThen((yield* Checks).check(row), integrations.get(actor(userId).userId, provider)),
    credentials: Effect.gen(function* () {
      const now = yield* repo.byId(id)
      assert.isDefined(now)
      return texts(Redacted.value(yield* stored.open(now)))
    })
  }
})
