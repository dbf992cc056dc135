import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Random, Schedule } from "effect"
import { SalesforceEmulator } from "../../plugins/salesforce/Emulator.ts"
import { ProviderId } from "../../src/domain/Ids.ts"
import { hostVariable } from "../../src/plugin/Hosts.ts"
import { SyncRunRepo } from "../../src/sync/SyncRunRepo.ts"
import { Emulators } from "../support/Integrating.ts"
import { production, startNexus } from "../support/NexusProcess.ts"
import { killHard } from "../support/Processes.ts"
import { connect, people, recorded, runOf, syncingLayer } from "../sync/Syncing.ts"
import { rounds, seeded } from "./Rounds.ts"

const provider = "SALESFORCE"
/** Contacts for each round: more than a process gets done before it is killed. */
const perRound = 2000
const bad = 20

// Salesforce is queried, then records are created: of all providers the one where a crash between both makes two.
layer(syncingLayer({ [provider]: SalesforceEmulator }), { excludeTestServices: true, timeout: "60 seconds" })(
  "kill -9 in the middle of a sync",
  (it) => {
    it.effect(
      "loses no contact, makes none twice, and counts each once",
      () =>
        Effect.gen(function* () {
          const sql = yield* PgClient.PgClient
          const runs = yield* SyncRunRepo
          const { emulator, server } = (yield* Emulators).of(provider)
          const variables = {
            ...(yield* production),
            [hostVariable(ProviderId.make(provider), "instance")]: server.url
          }
          // Until one is ready: it works for as long as it lives.
          const start = Effect.gen(function* () {
            const nexus = yield* startNexus(["serve", "--no-api"], variables)
            yield* nexus.line(/The dispatcher is running/)
            return nexus
          })
          const requests = (count: number) =>
            Effect.sync(() => server.requests.length).pipe(
              Effect.repeat({ until: (made) => made >= count, schedule: Schedule.spaced("1 millis") })
            )

          const all = yield* rounds(3)
          const good = perRound * all
          yield* people("user", good)
          yield* sql`
            INSERT INTO nexus.contact (user_id, email, last_name)
            SELECT 'user', 'nobody-' || n || '@nowhere', 'Nobody' FROM generate_series(1, ${bad}::int) AS n`
          const row = yield* connect("user", provider)
          const run = yield* runs.begin(
            { id: row.id, userId: row.userId, provider: row.provider },
            { trigger: "manual", isFull: false, isDryRun: false, format: null }
          )
          assert.isDefined(run)
          const lapse = sql`UPDATE nexus.sync_run SET leased_until = now() WHERE id = ${run.id}::uuid AND lease IS NOT NULL`
          yield* lapse

          const kills: Array<string> = []
          for (let round = 0; round < all; round++) {
            const before = server.requests.length
            const victim = yield* start
            // A batch is three requests: each process gets on by one at least, and by eight at most.
            yield* requests(before + (yield* Random.nextIntBetween(4, 24)))
            yield* killHard(victim.pid)
            const { created, state } = yield* runOf("user", provider, run.id)
            kills.push(`${server.requests.length - before} requests, ${created} created, ${state}`)
            // The first one is waited for until its lease has lapsed by itself.
            if (round > 0) yield* lapse
          }
          yield* Effect.logInfo(kills.join("; "))
          yield* start
          const { state, total, contactsSynced, rejected, pending, unconfirmed } = yield* runOf("user", provider).pipe(
            Effect.repeat({ until: ({ state }) => state !== "RUNNING", schedule: Schedule.spaced("50 millis") })
          )
          assert.deepStrictEqual(
            { state, total, contactsSynced, rejected, pending, unconfirmed },
            { state: "COMPLETED", total: good + bad, contactsSynced: good, rejected: bad, pending: 0, unconfirmed: 0 }
          )
          const there = (emulator.contacts?.all() ?? []).map(({ email }) => email)
          assert.strictEqual(new Set(there).size, good, "lost")
          assert.strictEqual(there.length, good, "made twice")
          const { created = 0, updated = 0, unchanged = 0, ...others } = yield* recorded("user")
          assert.strictEqual(created + updated + unchanged, good)
          assert.deepStrictEqual(others, { rejected: bad })
        }).pipe(seeded),
      { timeout: 600_000 }
    )
  }
)
