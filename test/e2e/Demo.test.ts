import * as process from "node:process"
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Path, Schema, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { builtInIds } from "../support/BuiltIn.ts"
import { freePort } from "../support/FreePort.ts"
import { newHome } from "../support/NewHome.ts"

const Body = Schema.fromJsonString(
  Schema.Struct({ provider: Schema.String, credentials: Schema.Record(Schema.String, Schema.String) })
)
const decodeBody = Schema.decodeSync(Body)

/** Starts the demo and reads off what it prints: addresses, the users' tokens, and what providers take. */
const startDemo = Effect.gen(function* () {
  const path = yield* Path.Path
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const port = yield* freePort
  const frontEndPort = yield* freePort
  const { PATH = "", HOME = "" } = process.env
  const home = yield* newHome
  const cwd = yield* path.fromFileUrl(new URL("../..", import.meta.url))
  const env = { PATH, HOME, NEXUS_HOME: home, PORT: String(port), FRONT_END_PORT: String(frontEndPort) }
  const demo = (stderr: "inherit" | "pipe") =>
    ChildProcess.make(process.execPath, ["-C", "nexus-source", "demo/main.ts"], { cwd, env, stderr })
  const handle = yield* spawner.spawn(demo("inherit"))
  const lines = yield* handle.stdout.pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.takeUntil((line) => line.includes("Ctrl-C stops everything")),
    Stream.runCollect
  )
  const bodies = (word: string) =>
    lines.flatMap((line) => (line.startsWith(`    ${word}`) ? [decodeBody(line.slice(line.indexOf("{")))] : []))
  const [rich = "", token = ""] = lines.filter((line) => line.startsWith("  eyJ")).map((line) => line.trim())
  const [, frontEnd = ""] = /in the browser: (\S+)/.exec(lines.find((line) => line.includes("http")) ?? "") ?? []
  const environment = path.join(home, "demo", "env")
  /** A command of `nexus` in a terminal that has read the demo's `env`. */
  const nexus = (line: string) =>
    spawner
      .string(
        ChildProcess.make("sh", ["-c", `. ${environment}; node bin/nexus.js ${line}`], { cwd, env: { PATH, HOME } })
      )
      .pipe(Effect.map((text) => text.trim()))
  /** What a second demo says. */
  const again = spawner.string(demo("pipe"), { includeStderr: true })
  const url = `http://127.0.0.1:${port}`
  return { url, frontEnd, rich, token, takes: bodies("takes"), refuses: bodies("refuses"), environment, nexus, again }
})

layer(NodeServices.layer, { excludeTestServices: true })("The demo", (it) => {
  it.effect(
    "lets a newcomer connect, verify, sync, break, mend, pause and disconnect each provider",
    () =>
      Effect.gen(function* () {
        const { url, frontEnd, rich, token, takes, refuses, environment, nexus, again } = yield* startDemo
        const ask = (method: string, path: string, body?: unknown, bearer = token) =>
          Effect.promise(async () => {
            const response = await fetch(url + path, {
              method,
              headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
              ...(body === undefined ? {} : { body: JSON.stringify(body) })
            })
            return { status: response.status, json: JSON.parse(await response.text()) }
          })

        const fs = yield* FileSystem.FileSystem
        assert.match(yield* again, /^Port \d+ is taken: .*Stop it, or choose another port/m)
        assert.strictEqual((yield* fs.stat(environment)).mode & 0o777, 0o600)
        const itsToken = yield* nexus("token --user user-2")
        const answer = yield* Effect.promise(() =>
          fetch(`${url}/integrations`, { headers: { authorization: `Bearer ${itsToken}` } })
        )
        assert.strictEqual(answer.status, 200, "the demo takes the tokens that its own environment makes")

        const page = yield* Effect.promise(() => fetch(frontEnd.replace("localhost", "127.0.0.1")))
        assert.include(yield* Effect.promise(() => page.text()), "<title>Integrations - Cards</title>")
        const { json: providers } = yield* ask("GET", "/integrations/providers")
        for (const { id, oauth, capabilities } of providers) {
          if (oauth !== null) assert.deepInclude(oauth, { isConfigured: true, missing: [] }, id)
          if (!capabilities.includes("files")) continue
          const { json } = yield* ask("GET", `/integrations/${id}/syncs`, undefined, rich)
          assert.deepInclude(json[0], { state: "COMPLETED", total: 240, contactsSynced: 240 }, id)
          assert.match(json[0].file.name, /^contacts-export-\w+\.csv$/)
        }

        assert.sameMembers(
          takes.map(({ provider }) => provider),
          Array.from(yield* builtInIds)
        )
        for (const body of takes) {
          const at = `/integrations/${body.provider}`
          const connected = yield* ask("POST", "/integrations/connect", body)
          assert.deepInclude(connected, { status: 201 }, body.provider)
          assert.deepInclude(connected.json, { provider: body.provider, status: "ACTIVE" })
          assert.deepInclude((yield* ask("POST", `${at}/verify`)).json, { status: "ACTIVE", lastError: null })

          const synced = yield* ask("POST", `${at}/sync`)
          if (body.provider === "HUBSPOT") assert.deepInclude(synced.json, { created: 12 }, "they are new there")
          if (body.provider === "ZAPIER") assert.strictEqual(synced.status, 422)
          else {
            assert.oneOf(synced.status, [201, 202])
            const { total, contactsSynced, rejected, pending } = synced.json
            assert.deepStrictEqual([total, contactsSynced + rejected + pending], [12, 12], body.provider)
          }

          const refused = refuses.find(({ provider }) => provider === body.provider)
          if (refused !== undefined) {
            assert.strictEqual((yield* ask("POST", "/integrations/connect", refused)).status, 422, body.provider)
            assert.deepInclude((yield* ask("GET", at)).json, { status: "ACTIVE", lastError: null })
          }
          assert.deepInclude((yield* ask("POST", "/integrations/connect", body)).json, { id: connected.json.id })
          assert.deepInclude((yield* ask("PATCH", at, { status: "INACTIVE" })).json, { status: "INACTIVE" })
          assert.deepInclude((yield* ask("PATCH", at, { status: "ACTIVE" })).json, { status: "ACTIVE" })
          assert.deepStrictEqual((yield* ask("DELETE", at)).json, { success: true })
          assert.strictEqual((yield* ask("GET", at)).status, 404)
        }
      }),
    { timeout: 90_000 }
  )
})
