/** A plugin that is not ours, as a team elsewhere has it: both packages packed, installed, and run from a project. */
import * as process from "node:process"
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Path, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import packageJson from "../../package.json" with { type: "json" }
import { newHome } from "../support/NewHome.ts"
import { runNexus, startNexus } from "../support/NexusProcess.ts"

const name = "nexus-plugin-outside"
const apiKey = "outside-emulator-1234567890"

const run = Effect.fnUntraced(function* (command: string, args: ReadonlyArray<string>, cwd: string) {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const { PATH = "", HOME = "" } = process.env
  const code = yield* spawner.exitCode(
    ChildProcess.make(command, args, { cwd, env: { PATH, HOME }, stderr: "inherit" })
  )
  assert.strictEqual(Number(code), 0, `${command} ${args.join(" ")}`)
})

/**
 * An npm project with the product and the plugin, both from what `npm pack` makes of them. Without a network their
 * dependencies can't be fetched, so those of the product are links to this clone's; nothing else of the clone is there.
 */
const installed = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const clone = yield* path.fromFileUrl(new URL("../..", import.meta.url))
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "nexus-test-project-" })
  const project = path.join(folder, "project")
  const modules = path.join(project, "node_modules")
  for (const source of [clone, path.join(clone, "test/e2e/outside-plugin")]) {
    yield* run("npm", ["pack", "--silent", "--pack-destination", folder], source)
  }
  for (const [tarball, target] of [
    [`nexus-integrations-${packageJson.version}.tgz`, "nexus-integrations"],
    [`${name}-1.0.0.tgz`, name]
  ] as const) {
    yield* fs.makeDirectory(path.join(modules, target), { recursive: true })
    yield* run("tar", ["-xzf", path.join(folder, tarball), "--strip-components=1", "-C", target], modules)
  }
  for (const dependency of Object.keys(packageJson.dependencies)) {
    yield* fs.makeDirectory(path.dirname(path.join(modules, dependency)), { recursive: true })
    yield* fs.symlink(path.join(clone, "node_modules", dependency), path.join(modules, dependency))
  }
  yield* fs.writeFileString(path.join(project, "package.json"), '{ "name": "project", "private": true }')
  return project
})

const emulatorProgram = `
import { Effect } from "effect"
import { startEmulator } from "nexus-integrations/plugin/testing"
import { OutsideEmulator } from "${name}"

const emulator = OutsideEmulator()
Effect.runFork(
  Effect.scoped(
    Effect.gen(function* () {
      const { url } = yield* startEmulator(emulator)
      console.log(url)
      yield* Effect.never
    })
  )
)
`

/** Starts the plugin's emulator in a process of its own, from where it is installed; the address, until the scope closes. */
const startInstalledEmulator = Effect.fnUntraced(function* (project: string) {
  const fs = yield* FileSystem.FileSystem
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  yield* fs.writeFileString(`${project}/emulator.mjs`, emulatorProgram)
  const { stdout } = yield* spawner.spawn(
    ChildProcess.make(process.execPath, ["emulator.mjs"], { cwd: project, env: {}, stderr: "inherit" })
  )
  return yield* stdout.pipe(Stream.decodeText(), Stream.splitLines, Stream.runHead, Effect.flatMap(Effect.fromOption))
})

layer(NodeServices.layer, { excludeTestServices: true })("A plugin from elsewhere", (it) => {
  it.effect(
    "is installed beside the service, checked, connected and synced",
    () =>
      Effect.gen(function* () {
        const project = yield* installed
        const checked = yield* runNexus(["plugin", "test", name], {}, { project })
        assert.deepStrictEqual([checked.code, checked.err], [0, ""], checked.out)

        const url = yield* startInstalledEmulator(project)
        const environment = {
          NEXUS_HOME: yield* newHome,
          NEXUS_HOST_OUTSIDE_API: url,
          NEXUS_PLUGINS: name,
          PORT: "0"
        }
        const service = yield* startNexus(["serve"], environment, { project })
        const greeting = yield* service.line(/^ {2}API {8}http:\/\/localhost:\d+ /)
        const token = (yield* service.line(/^ {2}eyJ/)).trim()
        const post = Effect.fnUntraced(function* (path: string, body: object = {}) {
          const answer = yield* Effect.promise(() =>
            fetch(`http://127.0.0.1:${/localhost:(\d+)/.exec(greeting)?.[1]}${path}`, {
              method: "POST",
              headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
              body: JSON.stringify(body)
            })
          )
          const text = yield* Effect.promise(() => answer.text())
          assert.strictEqual(answer.status, 201, text)
          return JSON.parse(text)
        })

        for (const n of [1, 2, 3]) yield* post("/contacts", { email: `ada${n}@example.com`, firstName: `Ada ${n}` })
        const connected = yield* post("/integrations/connect", {
          provider: "OUTSIDE",
          credentials: { apiKey }
        })
        assert.deepInclude(connected, { status: "ACTIVE", accountLabel: "Outside Inc" })
        assert.deepStrictEqual(connected.credentials, { apiKey: "••••7890" })
        assert.deepInclude(yield* post("/integrations/OUTSIDE/sync"), { contactsSynced: 3, created: 3, rejected: 0 })
        const there = yield* Effect.promise(() =>
          fetch(`${url}/contacts`, { headers: { authorization: `Bearer ${apiKey}` } }).then((answer) => answer.json())
        )
        assert.deepStrictEqual(
          there,
          [1, 2, 3].map((n) => ({ email: `ada${n}@example.com`, name: `Ada ${n}` }))
        )
        assert.strictEqual(yield* service.stop("SIGINT"), 0)
      }),
    { timeout: 60_000 }
  )
})
