import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it, layer } from "@effect/vitest"
import { ConfigProvider, DateTime, Effect, Layer } from "effect"
import { Command } from "effect/cli"
import { HubSpotEmulator } from "../../plugins/hubspot/Emulator.ts"
import { sync } from "../../src/cli/Sync.ts"
import { ContactExport } from "../../src/contacts/ContactExport.ts"
import { ProviderId, SyncRunId } from "../../src/domain/Ids.ts"
import { NewIntegration } from "../../src/domain/Integration.ts"
import { SyncAnswer, SyncRun, type SyncState } from "../../src/domain/Sync.ts"
import { Integrations } from "../../src/integrations/Integrations.ts"
import { Syncs } from "../../src/sync/Syncs.ts"
import { Emulators, IntegratingLayer, withEmulators } from "../support/Integrating.ts"
import { production, runNexus } from "../support/NexusProcess.ts"
import { actor } from "../support/People.ts"

const TestLayer = withEmulators({ HUBSPOT: HubSpotEmulator }, (variables) =>
  IntegratingLayer.pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(variables))))
)

layer(TestLayer, { excludeTestServices: true, timeout: "60 seconds" })("nexus sync", (it) => {
  it.effect("brings contacts to a provider, says what became of them, and where to read why some did not arrive", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const integrations = yield* Integrations
      const { emulator, server } = (yield* Emulators).of("HUBSPOT")
      const environment = { ...(yield* production), NEXUS_HOST_HUBSPOT_API: server.url }
      const nexus = (...args: ReadonlyArray<string>) =>
        runNexus(["sync", "hubspot", "--user", "ann", ...args], environment)

      const early = yield* nexus()
      assert.deepStrictEqual(
        [early.code, early.err],
        [1, "HubSpot is not connected. Connect it with POST /integrations/connect\n"]
      )
      const { credentials } = emulator
      yield* integrations.connect(actor("ann"), new NewIntegration({ provider: "HUBSPOT", credentials }))
      for (const email of ["a@example.com", "b@example.com", "c@example.com"]) {
        yield* sql`SELECT nexus.upsert_contact('ann', ${email}, first_name => 'Ann')`
      }
      yield* sql`UPDATE nexus.contact SET email = 'c@nowhere' WHERE email = 'c@example.com'`
      const dry = yield* nexus("--dry-run")
      assert.deepStrictEqual(
        [dry.code, dry.out],
        [0, "Nothing was sent. It would be: 3 created, 0 updated, 0 unchanged, 0 rejected\n"],
        dry.err
      )
      assert.deepStrictEqual(emulator.contacts?.all(), [])

      const first = yield* nexus()
      assert.deepStrictEqual([first.code, first.out], [0, "2 created, 0 updated, 0 unchanged, 1 rejected\n"], first.err)
      assert.match(
        first.err,
        /^Why contacts were rejected, one by one: GET \/integrations\/HUBSPOT\/syncs\/[0-9a-f-]{36}\/rejected\.csv\n$/
      )
      assert.strictEqual(emulator.contacts?.all().length, 2)
      const sent = () => server.requests.filter(({ body }) => body.includes("a@example.com")).length
      const before = sent()
      assert.strictEqual((yield* nexus()).out, "0 created, 0 updated, 2 unchanged, 1 rejected\n")
      assert.strictEqual(sent(), before, "what did not change is not sent")
      assert.strictEqual((yield* nexus("--full")).out, "0 created, 0 updated, 2 unchanged, 1 rejected\n")
      assert.isAbove(sent(), before)
    })
  )
})

const runThat = (state: SyncState, error: string | null = null) => ({
  id: SyncRunId.make("0190f0c2-0000-7000-8000-000000000001"),
  provider: ProviderId.make("ACME"),
  trigger: "manual" as const,
  state,
  full: false,
  dryRun: false,
  format: null,
  file: null,
  contactsSynced: 1,
  total: 3,
  created: 1,
  updated: 0,
  unchanged: 0,
  rejected: 0,
  pending: 0,
  unconfirmed: 0,
  removed: 0,
  error,
  errorKind: null,
  startedAt: DateTime.makeUnsafe(0),
  finishedAt: null
})

/** The command, on a run that was still going on when its caller had waited long enough. */
const endingAs = (state: SyncState, error: string | null = null) =>
  Command.runWith(sync, { version: "0" })(["acme", "--user", "ann"]).pipe(
    Effect.provide(
      Layer.mergeAll(
        NodeServices.layer,
        Layer.mock(ContactExport, { count: () => Effect.succeed(3) }),
        Layer.mock(Syncs, {
          start: () => Effect.succeed(new SyncAnswer({ ...runThat("RUNNING"), message: "ACME sync is running" })),
          list: () => Effect.never,
          get: () => Effect.succeed(new SyncRun(runThat(state, error)))
        })
      )
    )
  )

describe("nexus sync of many contacts", () => {
  it.effect("fails when its run does, however late that is", () =>
    Effect.gen(function* () {
      const refused = yield* Effect.flip(endingAs("FAILED", "The access token has expired. Connect Acme again"))
      assert.strictEqual(refused.message, "The access token has expired. Connect Acme again")
      const cancelled = yield* Effect.flip(endingAs("CANCELLED"))
      assert.strictEqual(cancelled.message, "The sync was cancelled; what was sent stays")
      yield* endingAs("COMPLETED")
      yield* endingAs("WAITING")
    })
  )
})
