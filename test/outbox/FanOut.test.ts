import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Logger } from "effect"
import type { DispatcherId } from "../../src/domain/Ids.ts"
import { FanOut } from "../../src/outbox/FanOut.ts"
import { lease, roomy } from "../support/Claims.ts"
import { DispatchingLayer, subscribe } from "../support/Dispatching.ts"

/** Turns batches until the outbox has no more; the sum of what came out, and how many batches it took. */
const drain = Effect.fnUntraced(function* (dispatcher: DispatcherId) {
  const outbox = yield* FanOut
  const sent: Array<string> = []
  let batches = 0
  let more = true
  while (more) {
    const batch = yield* outbox.next(dispatcher, roomy)
    sent.push(...batch.claims.map(({ body }) => body.replace(/^.*"data":\{"n":(\d+)\}\}$/, "$1")))
    more = batch.more
    batches++
  }
  return { sent, batches }
})

const emitMany = Effect.fnUntraced(function* (userId: string, count: number) {
  const sql = yield* PgClient.PgClient
  yield* sql`
    INSERT INTO nexus.outbox (user_id, event_type, payload)
    SELECT ${userId}, 'CARD_VIEW', json_build_object('n', n) FROM generate_series(1, ${count}) AS n`
  yield* sql`UPDATE nexus.outbox SET payload = replace(payload::text, ' ', '')::json`
})

layer(Layer.provideMerge(DispatchingLayer, Logger.layer([])), { excludeTestServices: true, timeout: "60 seconds" })(
  "FanOut",
  (it) => {
    it.effect("halves a batch around the rows that Postgres refuses, buries those and sends all the others", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* subscribe("halve", "https://example.com/hook")
        yield* sql`
        CREATE FUNCTION nexus.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF NEW.body ~ '"n":(7|200|201)\\}' THEN RAISE EXCEPTION 'a trigger of a stranger says no to %', NEW.id; END IF;
          RETURN NEW;
        END $$`
        yield* sql`CREATE TRIGGER refuse BEFORE INSERT ON nexus.event FOR EACH ROW EXECUTE FUNCTION nexus.refuse()`
        yield* emitMany("halve", 300)
        const { sent, batches } = yield* drain(yield* lease)
        yield* sql`DROP FUNCTION nexus.refuse() CASCADE`

        const culprits = ["7", "200", "201"]
        const expected = Array.from({ length: 300 }, (_, index) => String(index + 1)).filter(
          (n) => !culprits.includes(n)
        )
        assert.deepStrictEqual([...sent].sort(), expected.sort())
        const letters = yield* sql<{ n: string; reason: string }>`
        SELECT payload ->> 'n' AS n, reason FROM nexus.dead_letter WHERE user_id = 'halve' ORDER BY id`
        assert.deepStrictEqual(
          letters.map(({ n }) => n),
          culprits
        )
        for (const { reason } of letters)
          assert.match(reason, /^Postgres refused this row: a trigger of a stranger says no/)
        assert.isBelow(batches, 60)
      })
    )

    it.effect("buries no innocent row when two dispatchers meet at a culprit", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* subscribe("meet", "https://example.com/hook")
        yield* sql`
        CREATE FUNCTION nexus.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF NEW.body ~ '"n":[13]\\}' THEN RAISE EXCEPTION 'no'; END IF;
          RETURN NEW;
        END $$`
        yield* sql`CREATE TRIGGER refuse BEFORE INSERT ON nexus.event FOR EACH ROW EXECUTE FUNCTION nexus.refuse()`
        yield* emitMany("meet", 20)
        const drains = [yield* lease, yield* lease, yield* lease].map((dispatcher) =>
          Effect.provide(drain(dispatcher), Layer.fresh(FanOut.layer))
        )
        const sent = yield* Effect.all(drains, { concurrency: "unbounded" })
        yield* sql`DROP FUNCTION nexus.refuse() CASCADE`
        const letters =
          yield* sql`SELECT payload ->> 'n' AS n FROM nexus.dead_letter WHERE user_id = 'meet' ORDER BY id`
        assert.deepStrictEqual(letters, [{ n: "1" }, { n: "3" }])
        assert.strictEqual(sent.flatMap((each) => each.sent).length, 18)
      })
    )

    it.effect("goes back to full batches after a refusal", () =>
      Effect.gen(function* () {
        yield* subscribe("full", "https://example.com/hook")
        yield* emitMany("full", 500)
        const dispatcher = yield* lease
        yield* drain(dispatcher)
        yield* emitMany("full", 499)
        assert.deepInclude(yield* drain(dispatcher), { batches: 1 })
      })
    )

    it.effect("lets a failure of the connection pass, and buries nothing for it", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const outbox = yield* FanOut
        yield* subscribe("timeout", "https://example.com/hook")
        yield* emitMany("timeout", 1)
        const dispatcher = yield* lease
        const error = yield* sql
          .withTransaction(
            Effect.gen(function* () {
              yield* sql`SELECT pg_terminate_backend(pg_backend_pid())`.pipe(Effect.ignore)
              return yield* outbox.next(dispatcher, roomy)
            })
          )
          .pipe(Effect.flip)
        assert.isTrue(error.isRetryable)
        assert.deepStrictEqual(yield* sql`SELECT 1 FROM nexus.dead_letter WHERE user_id = 'timeout'`, [])
        assert.deepInclude(yield* drain(dispatcher), { sent: ["1"] })
      })
    )
  }
)
