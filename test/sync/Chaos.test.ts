import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Random, Ref } from "effect"
import { unavailable } from "../../src/plugin/ProviderError.ts"
import { SyncRunRepo } from "../../src/sync/SyncRunRepo.ts"
import { seeded } from "../faults/Rounds.ts"
import { connectAcme, honest, scripted } from "./Scripted.ts"
import { anotherEngine, people, recorded, runOf } from "./Syncing.ts"

const { script, layer: TestLayer } = scripted()
const contacts = 300

layer(TestLayer, { excludeTestServices: true, timeout: "60 seconds" })(
  "three processes that lose a run to one another",
  (it) => {
    it.effect("bring each contact once, and count each once", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const runs = yield* SyncRunRepo
        const engines = yield* Effect.all([anotherEngine, anotherEngine, anotherEngine])
        for (let round = 0; round < 5; round++) {
          const user = `chaos-${round}`
          yield* people(user, contacts, 1 + round * 1000)
          const row = yield* connectAcme(user)
          // Batches take turns to be slow, to fail, and to have their answer lost.
          script.upsert = (batch) =>
            Effect.gen(function* () {
              const luck = yield* Random.nextIntBetween(0, 100)
              if (luck < 10) return yield* unavailable("not now")
              const outcomes = honest(script, batch)
              if (luck < 20) return yield* unavailable("the answer is lost")
              yield* sql`SELECT pg_sleep(${luck / 10_000}::float8)`.pipe(Effect.orDie)
              return outcomes
            })
          const begun = yield* runs.begin(row, { trigger: "manual", isFull: false, isDryRun: false, format: null })
          assert.isDefined(begun)
          const takeovers = yield* Ref.make(0)
          const mischief = yield* Effect.gen(function* () {
            yield* sql`
            UPDATE nexus.sync_run SET leased_until = now() WHERE id = ${begun.id}::uuid AND state = 'RUNNING'`
            yield* sql`UPDATE nexus.sync_run SET wake_at = now() WHERE id = ${begun.id}::uuid AND state = 'WAITING'`
            const engine = engines[yield* Random.nextIntBetween(0, 2)]
            const { position } = (yield* runs.open(row.id)) ?? { position: null }
            // Until it has got on, so that nobody takes it for one that never does.
            yield* Effect.gen(function* () {
              const taken = (yield* engine?.takeOver ?? Effect.succeed(0)) > 0
              if (taken) yield* Ref.update(takeovers, (count) => count + 1)
              return yield* runs.open(row.id)
            }).pipe(
              Effect.repeat({
                until: (run) => run === undefined || run.state === "WAITING" || run.position !== position
              })
            )
          }).pipe(
            Effect.repeat({ until: () => Effect.map(runs.open(row.id), (run) => run === undefined) }),
            Effect.forkScoped
          )
          yield* Fiber.join(mischief)
          const run = yield* runOf(user, "ACME", begun.id)
          assert.deepInclude(run, { state: "COMPLETED", contactsSynced: contacts, total: contacts, rejected: 0 })
          const { created, updated, unchanged } = run
          assert.strictEqual(created + updated + unchanged, contacts)
          const records: Record<string, number> = yield* recorded(user)
          assert.deepStrictEqual([records.created ?? 0, records.unchanged ?? 0], [created, unchanged])
          assert.isAbove(yield* Ref.get(takeovers), 3)
        }
        assert.strictEqual(script.there.size, 5 * contacts)
        assert.isTrue(Array.from(script.there.values()).every((times) => times === 1))
      }).pipe(seeded)
    )
  }
)
