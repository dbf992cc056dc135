import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Effect, Layer } from "effect"
import { HubSpotEmulator } from "../../plugins/hubspot/Emulator.ts"
import { NewIntegration } from "../../src/domain/Integration.ts"
import { Integrations } from "../../src/integrations/Integrations.ts"
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
