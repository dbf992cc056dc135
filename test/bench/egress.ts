/**
 * What the guard costs: requests per second and CPU per request of `Egress.request` beside a bare undici pool, in
 * alternating rounds with 64 requests in flight, against a sink in a process of its own.
 *
 *     node test/bench/egress.ts [requests per round] [rounds]
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { NodeDns } from "@effect/platform-node"
import { Console, Effect, Layer } from "effect"
import { Pool } from "undici"
import { loopback } from "../../src/egress/AllowList.ts"
import { Egress } from "../../src/egress/Egress.ts"

const count = Number(process.argv[2] ?? 50_000)
const rounds = Number(process.argv[3] ?? 6)
const inFlight = 64

const sinkSource = `
  const { createServer } = require("node:http")
  const server = createServer((q, r) => { q.resume(); q.on("end", () => { r.writeHead(200, { "content-length": 2 }); r.end("ok") }) })
  server.listen(0, "127.0.0.1", () => console.log(server.address().port))`

const body = JSON.stringify({ event: "CONTACT_CREATED", data: { contactId: "contact-1", note: "x".repeat(400) } })
const headers = { "content-type": "application/json", "x-webhook-id": "webhook-1", "webhook-signature": "v1,AAAA" }

/** Runs `task` to its end and gives the requests per second and the CPU microseconds per request. */
const measured = <E, R>(task: Effect.Effect<unknown, E, R>) =>
  Effect.gen(function* () {
    const start = performance.now()
    const cpu = process.cpuUsage()
    yield* task
    const used = process.cpuUsage(cpu)
    return {
      perSecond: Math.round((count / (performance.now() - start)) * 1000),
      cpuMicros: Math.round(((used.user + used.system) / count) * 10) / 10
    }
  })

const bare = (pool: Pool) =>
  Effect.promise(() => {
    let left = count
    const lane = async () => {
      while (left-- > 0) {
        const answer = await pool.request({ method: "POST", path: "/hook", body, headers })
        await answer.body.text()
      }
    }
    return Promise.all(Array.from({ length: inFlight }, lane))
  })

const guarded = (egress: Egress["Service"], url: string) => {
  let left = count
  const one = Effect.suspend(() =>
    egress.request({ url, method: "POST", headers, body, timeout: 10_000, maxBody: 16_384 })
  )
  const lane = Effect.whileLoop({ while: () => left-- > 0, body: () => one, step: () => undefined })
  return Effect.all(
    Array.from({ length: inFlight }, () => lane),
    { concurrency: "unbounded", discard: true }
  )
}

const program = Effect.gen(function* () {
  const sink = yield* Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, ["-e", sinkSource])),
    (child) => Effect.sync(() => child.kill())
  )
  const [port] = yield* Effect.promise(() => once(sink.stdout, "data"))
  const origin = `http://127.0.0.1:${Number(String(port))}`
  const pool = yield* Effect.acquireRelease(
    Effect.sync(() => new Pool(origin, { connections: inFlight })),
    (made) => Effect.promise(() => made.destroy())
  )
  const egress = yield* Egress
  for (let round = 0; round < rounds; round++) {
    const plain = yield* measured(bare(pool))
    const own = yield* measured(guarded(egress, `${origin}/hook`))
    yield* Console.log(JSON.stringify({ round, plain, egress: own }))
  }
})

const EgressLayer = Egress.layerWith({ allow: loopback }).pipe(Layer.provide(NodeDns.layer))

await Effect.runPromise(Effect.scoped(program).pipe(Effect.provide(EgressLayer)))
