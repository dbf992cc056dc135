import { Buffer } from "node:buffer"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Schedule } from "effect"
import { DispatcherLayer } from "../../src/webhooks/Dispatcher.ts"
import { builtInEmulators, withEmulators } from "../support/Integrating.ts"
import { userOf } from "../support/ProviderUser.ts"
import { TestApi } from "../support/TestApi.ts"

const TestLayer = withEmulators(builtInEmulators, (variables) =>
  DispatcherLayer.pipe(Layer.provideMerge(TestApi.layer({ NEXUS_SYNCS_PER_MINUTE: "1000", ...variables })))
)

const sealedOf = Effect.fnUntraced(function* (id: string) {
  const sql = yield* PgClient.PgClient
  const [row] = yield* sql<{ credentials: string }>`SELECT credentials FROM nexus.integration WHERE id = ${id}::uuid`
  return row?.credentials ?? ""
})

const put = Effect.fnUntraced(function* (id: string, credentials: string) {
  const sql = yield* PgClient.PgClient
  yield* sql`UPDATE nexus.integration SET credentials = ${credentials}, status = 'ACTIVE', last_error = NULL, last_error_kind = NULL
    WHERE id = ${id}::uuid`
})

/** The sealed text with its bytes changed. */
const withBytes = (sealed: string, change: (bytes: Buffer) => Buffer) => {
  const [version, key, bytes = ""] = sealed.split(".")
  return `${version}.${key}.${change(Buffer.from(bytes, "base64url")).toString("base64url")}`
}

const flipped = (sealed: string, index: number) =>
  withBytes(sealed, (bytes) => {
    const copy = Buffer.from(bytes)
    copy.writeUInt8(copy.readUInt8(index) ^ 1, index)
    return copy
  })

layer(TestLayer, { excludeTestServices: true, timeout: "60 seconds" })("Sealed credentials", (it) => {
  it.effect("that were tampered with make an integration ask to be connected again, and nothing else", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const hubspot = yield* userOf("HUBSPOT", "vera")
      const zoho = yield* userOf("ZOHO", "vera")
      const other = yield* userOf("HUBSPOT", "otto")
      const { json: mine } = yield* hubspot.connect()
      const { json: sibling } = yield* zoho.connect()
      const { json: theirs } = yield* other.connect()
      const own = yield* sealedOf(mine.id)
      yield* hubspot.askAt("POST", "/integrations/webhooks", { url: "http://127.0.0.1:1/", events: ["*"] })
      const [webhook] = yield* sql<{ secret: string }>`SELECT secret FROM nexus.webhook_subscription`
      const bytes = Buffer.from(own.split(".")[2] ?? "", "base64url").length

      const tampered: ReadonlyArray<readonly [string, string]> = [
        ["another user's", yield* sealedOf(theirs.id)],
        ["another provider's", yield* sealedOf(sibling.id)],
        ["a webhook's secret", webhook?.secret ?? ""],
        ["a tag cut short", withBytes(own, (all) => all.subarray(0, -1))],
        ["no tag at all", withBytes(own, (all) => all.subarray(0, -16))],
        ["another key's name", own.replace(/^nx1\.k1\./, "nx1.k2.")],
        ["not sealed", '{"accessToken":"plain"}'],
        ["nothing", ""],
        ...Array.from({ length: 12 }, (_, n) => {
          const index = Math.floor((n * (bytes - 1)) / 11)
          return [`byte ${index} flipped`, flipped(own, index)] as const
        })
      ]
      for (const [name, sealed] of tampered) {
        yield* put(mine.id, sealed)
        const list = yield* hubspot.askAt("GET", "/integrations")
        assert.strictEqual(list.status, 200, name)
        assert.deepStrictEqual(list.json[0].credentials, {}, name)
        assert.strictEqual(list.json[1].status, "ACTIVE", name)
        const sync = yield* hubspot.ask("POST", "/sync")
        assert.deepStrictEqual([sync.status, sync.json.kind], [422, "Unauthorized"], `${name}: ${sync.text}`)
        assert.deepInclude((yield* hubspot.ask("GET")).json, {
          status: "ERROR",
          lastError:
            "HubSpot refuses the credentials: the stored credentials can't be opened any more. Connect again with new ones"
        })
      }

      assert.deepInclude((yield* hubspot.connect()).json, { id: mine.id, status: "ACTIVE" })
      assert.strictEqual((yield* hubspot.ask("POST", "/sync")).status, 201)
      yield* put(mine.id, flipped(own, 40))
      assert.strictEqual((yield* hubspot.ask("DELETE")).status, 200, "what can't be opened can be disconnected")
    })
  )

  it.effect("of another's webhook send nobody's events there", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const ann = yield* userOf("ZAPIER", "ann")
      const bob = yield* userOf("ZAPIER", "bob")
      yield* ann.connect({ webhookUrl: "https://hooks.zapier.com/hooks/catch/1/ann/" })
      yield* bob.connect({ webhookUrl: "https://hooks.zapier.com/hooks/catch/2/bob/" })
      yield* sql`UPDATE nexus.webhook_subscription SET sealed_url = other.sealed_url, version = webhook_subscription.version + 1
        FROM nexus.webhook_subscription AS other
        WHERE webhook_subscription.user_id = 'ann' AND other.user_id = 'bob'`
      const test = yield* ann.ask("POST", "/test")
      const [webhook] = (yield* ann.askAt("GET", "/integrations/webhooks")).json
      const path = `/integrations/webhooks/${webhook.id}/deliveries/${test.json.deliveryId}`
      const { json } = yield* ann
        .askAt("GET", path)
        .pipe(
          Effect.repeat({ until: ({ json }) => json.attemptCount > 0, schedule: Schedule.spaced("50 millis") }),
          Effect.timeout("20 seconds")
        )
      assert.match(json.error, /can't be used any more/)
      assert.deepStrictEqual(ann.server.requests, [])

      yield* ann.connect({ webhookUrl: "https://hooks.zapier.com/hooks/catch/1/ann/" })
      yield* ann.ask("POST", "/test")
      yield* Effect.sync(() => ann.server.requests.map(({ path }) => path)).pipe(
        Effect.repeat({
          until: (paths) => paths.includes("/hooks/catch/1/ann/"),
          schedule: Schedule.spaced("50 millis")
        }),
        Effect.timeout("20 seconds")
      )
    })
  )
})
