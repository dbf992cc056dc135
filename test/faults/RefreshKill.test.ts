import * as process from "node:process"
import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { type Emulator, startEmulator } from "nexus-integrations/plugin/testing"
import { ProviderId } from "../../src/domain/Ids.ts"
import { hostVariable } from "../../src/plugin/Hosts.ts"
import { EbbEmulator, TideEmulator, tideClient } from "../oauth/fixtures/TideEmulator.ts"
import { TestDatabase } from "../support/Database.ts"
import { production, runNexus, startNexus } from "../support/NexusProcess.ts"

const Test = TestDatabase.layer.pipe(Layer.provideMerge(NodeServices.layer))

/** Ends a process at the moment when its refresh token is exchanged, and before it hears of that. */
const deadly = (emulator: Emulator) => {
  let victim: number | undefined
  return {
    kill: (pid: number) => {
      victim = pid
    },
    emulator: {
      ...emulator,
      answer: (request) => {
        const answer = emulator.answer(request)
        if (victim !== undefined && request.path === "/token") {
          process.kill(victim, "SIGKILL")
          victim = undefined
        }
        return answer
      }
    } satisfies Emulator
  }
}

/** Two processes of the service on one database, with both providers, and a user at each. */
const twoProcesses = Effect.gen(function* () {
  const providers = { TIDE: deadly(TideEmulator()), EBB: deadly(EbbEmulator()) }
  const hosts: Record<string, string> = {}
  for (const [id, { emulator }] of Object.entries(providers)) {
    const { url } = yield* startEmulator(emulator)
    for (const host of emulator.hosts) hosts[hostVariable(ProviderId.make(id), host)] = url
  }
  const fixtures = "./test/oauth/fixtures"
  const environment = {
    ...(yield* production),
    ...tideClient,
    ...hosts,
    NEXUS_PLUGINS: `${fixtures}/TideModule.ts,${fixtures}/EbbModule.ts`
  }
  const { out } = yield* runNexus(["token", "--user", "ada"], environment)
  const start = Effect.gen(function* () {
    const nexus = yield* startNexus(["serve"], environment)
    const ready = yield* nexus.line(/is ready at http:\/\/localhost:\d+/)
    const url = `http://127.0.0.1:${/localhost:(\d+)/.exec(ready)?.[1]}`
    const post = (path: string, body?: object) =>
      Effect.tryPromise(async () => {
        const response = await fetch(url + path, {
          method: "POST",
          headers: { authorization: `Bearer ${out.trim()}`, "content-type": "application/json" },
          ...(body === undefined ? {} : { body: JSON.stringify(body) })
        })
        // biome-ignore lint/suspicious/noExplicitAny: the test looks into it, and fails where it is something else
        const json: any = await response.json()
        return { status: response.status, json }
      })
    return { pid: nexus.pid, post }
  })
  return { providers, one: yield* start, other: yield* start }
})

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("Processes that renew a token", (it) => {
  it.effect("do it once for a hundred calls, and one that is killed meanwhile leaves nothing wedged", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { providers, one, other } = yield* twoProcesses
      const connect = (provider: "TIDE" | "EBB") => {
        const { oauth } = providers[provider].emulator
        return one.post("/integrations/connect", { provider, credentials: oauth?.give(["sea"]) })
      }
      for (const provider of ["TIDE", "EBB"] as const) {
        const { oauth } = providers[provider].emulator
        assert.isDefined(oauth)
        assert.strictEqual((yield* connect(provider)).status, 201)
        oauth.expire()
        const answers = yield* Effect.forEach(
          Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? one : other)),
          ({ post }) => post(`/integrations/${provider}/verify`),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(new Set(answers.map(({ json }) => json.status)), new Set(["ACTIVE"]))
        assert.strictEqual(oauth.counts().refreshes, 1)
      }

      const { TIDE } = providers
      const verdict = other.post("/integrations/TIDE/verify")
      const lapse = sql`UPDATE nexus.integration SET refresh_until = now() WHERE refresh_lease IS NOT NULL RETURNING id`

      TIDE.emulator.oauth?.expire()
      TIDE.kill(one.pid)
      yield* Effect.flip(one.post("/integrations/TIDE/verify"))
      assert.strictEqual(TIDE.emulator.oauth?.counts().refreshes, 2)
      assert.lengthOf(yield* lapse, 1, "it died between exchange and save")
      assert.strictEqual((yield* verdict).json.status, "ACTIVE")
      assert.strictEqual(TIDE.emulator.oauth?.counts().refreshes, 3)
    }).pipe(Effect.scoped)
  )

  it.effect("leave a rotated token to be connected again when one is killed between exchange and save", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`DELETE FROM nexus.integration`
      const { providers, one, other } = yield* twoProcesses
      const { emulator, kill } = providers.EBB
      const { oauth } = emulator
      assert.isDefined(oauth)
      const credentials = () => ({ provider: "EBB", credentials: oauth.give(["sea"]) })
      assert.strictEqual((yield* one.post("/integrations/connect", credentials())).status, 201)
      oauth.expire()
      kill(one.pid)
      yield* Effect.flip(one.post("/integrations/EBB/verify"))
      yield* sql`UPDATE nexus.integration SET refresh_until = now()`
      for (const _ of [1, 2]) {
        const { json } = yield* other.post("/integrations/EBB/verify")
        assert.deepInclude(json, { status: "ERROR", lastErrorKind: "Unauthorized" })
        assert.match(json.lastError, /Connect again/)
      }
      const refreshes = oauth.counts().refreshes
      assert.strictEqual((yield* other.post("/integrations/connect", credentials())).json.status, "ACTIVE")
      assert.strictEqual((yield* other.post("/integrations/EBB/verify")).json.status, "ACTIVE")
      assert.strictEqual(oauth.counts().refreshes, refreshes)
    }).pipe(Effect.scoped)
  )
})
