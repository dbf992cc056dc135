import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { newHome } from "../support/NewHome.ts"
import { runNexus, type runtimes, startNexus } from "../support/NexusProcess.ts"

/** What the page for newcomers says: start it, listen in another terminal, send an event, press Ctrl-C. */
const firstMinute = Effect.fnUntraced(function* (runtime: keyof typeof runtimes) {
  const fs = yield* FileSystem.FileSystem
  const home = yield* newHome
  const environment = { NEXUS_HOME: home, PORT: "0" }
  const service = yield* startNexus(["serve"], environment, runtime)
  const greeting = yield* service.line(/^ {2}API {8}http:\/\/localhost:\d+ /)
  const token = (yield* service.line(/^ {2}eyJ/)).trim()
  yield* service.line(/Ctrl-C stops everything/)
  assert.strictEqual((yield* fs.stat(home)).mode & 0o077, 0, "the home is its owner's alone")
  const serverRuns = fs.exists(`${home}/postgres/data/postmaster.pid`)
  assert.isTrue(yield* serverRuns)

  const answer = yield* Effect.promise(() =>
    fetch(`http://127.0.0.1:${/localhost:(\d+)/.exec(greeting)?.[1]}/integrations/webhooks`, {
      headers: { authorization: `Bearer ${token}` }
    })
  )
  assert.strictEqual(answer.status, 200)

  const listener = yield* startNexus(["webhooks", "listen", "--user", "user-1"], environment, runtime)
  yield* listener.line(/^Waiting for events/)
  const sent = yield* runNexus(["events", "send", "CARD_VIEW", '{"cardId": "card-1"}', "--user", "user-1"], environment)
  assert.strictEqual(sent.code, 0, sent.err)
  const id = sent.out.trim().split("\n").at(-1)
  assert.match(yield* listener.line(/CARD_VIEW/), new RegExp(`^\\S+Z  verified  CARD_VIEW  ${id}$`))

  assert.strictEqual(yield* listener.stop("SIGINT"), 0)
  assert.strictEqual(yield* service.stop("SIGINT"), 0)
  assert.isFalse(yield* serverRuns, "the last to leave stops the database")
})

layer(NodeServices.layer, { excludeTestServices: true })("An installation without configuration", (it) => {
  it.effect("works from the first minute under Node", () => firstMinute("Node"), { timeout: 60_000 })
  it.effect("works from the first minute under Deno", () => firstMinute("Deno"), { timeout: 60_000 })
})
