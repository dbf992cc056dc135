import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { DispatcherLayer } from "../../src/webhooks/Dispatcher.ts"
import { DispatchingLayer, emit } from "../support/Dispatching.ts"
import { production, startNexus } from "../support/NexusProcess.ts"

const Test = DispatcherLayer.pipe(Layer.provideMerge(DispatchingLayer))

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("nexus webhooks listen", (it) => {
  it.effect("prints the user's events, verified, and leaves no webhook behind", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const args = ["webhooks", "listen", "--user", "user-1", "--event", "CARD_VIEW"]
      const listener = yield* startNexus(args, yield* production)
      yield* listener.line(/^Webhook \S+ of user-1 sends CARD_VIEW to http:\/\/127\.0\.0\.1:[1-9]\d*\/$/)
      yield* listener.line(/^Waiting for events/)
      yield* emit("user-1", "LINK_CLICK", "{}")
      yield* emit("user-2", "CARD_VIEW", "{}")
      const id = yield* emit("user-1", "CARD_VIEW", '{"cardId": "card-1"}')
      assert.match(yield* listener.line(/./), new RegExp(`^\\S+Z  verified  CARD_VIEW  ${id}$`))
      assert.match(yield* listener.line(/./), /^ {2}\{"event":"CARD_VIEW",.*"data":\{"cardId": "card-1"\}\}$/)
      assert.strictEqual((yield* sql`SELECT FROM nexus.webhook_subscription`).length, 1)

      assert.strictEqual(yield* listener.stop("SIGINT"), 0)
      assert.deepStrictEqual(yield* sql`SELECT FROM nexus.webhook_subscription`, [])
    })
  )
})
