import { Console, Context, Effect, Layer, Option, Path, Result, Schema } from "effect"
import { Argument, Command } from "effect/cli"
import { loadPlugin, pluginNames, registered } from "../plugin/PluginLoader.ts"
import { loadModule } from "../plugin/PluginModule.ts"
import { PluginRegistry, PluginUnusable } from "../plugin/PluginRegistry.ts"
import { writePlugin } from "../plugin/PluginTemplate.ts"
import type { Provider } from "../plugin/Provider.ts"
import { conformance } from "../plugin/testing/Conformance.ts"

/** A plugin doesn't keep to its contract. */
class NotConforming extends Schema.TaggedError<NotConforming>()("NotConforming", {
  failed: Schema.Int,
  all: Schema.Int
}) {
  override get message() {
    return `${this.failed} of ${this.all} checks failed`
  }
}

const capabilitiesOf = ({ contacts, hasWebhook, canRemove, canRevoke }: Provider): string => {
  const all = { contacts: contacts !== undefined, "remove contacts": canRemove, webhook: hasWebhook, revoke: canRevoke }
  return Object.entries(all)
    .flatMap(([name, has]) => (has ? [name] : []))
    .join(", ")
}

const describe = (provider: Provider, origin: string): string =>
  [
    `${provider.id}  ${provider.name} (${provider.category})`,
    `  does   ${capabilitiesOf(provider) || "nothing yet"}`,
    ...Object.entries(provider.hosts).map(
      ([name, declared], index) => `  ${index === 0 ? "hosts" : "     "}  ${name}: ${[declared].flat().join(", ")}`
    ),
    `  from   ${origin}`
  ].join("\n")

const list = (builtIn: Layer.Layer<never, PluginUnusable, PluginRegistry>) =>
  Command.make("list", {}, () =>
    Effect.gen(function* () {
      const registry = Context.get(yield* Layer.build(Layer.fresh(PluginRegistry.layer)), PluginRegistry)
      const known = new Set<string>()
      const show = Effect.fnUntraced(function* (
        plugins: Layer.Layer<never, PluginUnusable, PluginRegistry>,
        origin: string
      ) {
        yield* Layer.build(plugins).pipe(Effect.provideService(PluginRegistry, registry))
        for (const provider of yield* registry.all) {
          if (!known.has(provider.id)) yield* Console.log(describe(provider, origin))
          known.add(provider.id)
        }
      })
      yield* show(Layer.fresh(builtIn), "built in")
      for (const name of yield* pluginNames) yield* show(yield* loadPlugin(name), name)
    }).pipe(Effect.scoped)
  ).pipe(Command.withDescription("List the providers: what each can do, where its requests go, and where it is from"))

const make = Command.make(
  "new",
  {
    name: Argument.String("name").pipe(Argument.withDescription("Small letters, digits and hyphens: acme-crm")),
    folder: Argument.String("folder").pipe(
      Argument.withDescription("Where to write it; a folder of that name when left out"),
      Argument.optional
    )
  },
  Effect.fn(function* ({ name, folder }) {
    const path = yield* Path.Path
    const target = Option.getOrElse(folder, () => name)
    for (const file of yield* writePlugin(name, target)) yield* Console.log(`  ${path.join(target, file)}`)
    const start = path.isAbsolute(target) ? target : `./${target}`
    yield* Console.log(`Next:   npx nexus plugin test ${start}\n        NEXUS_PLUGINS=${start} npx nexus serve`)
  })
).pipe(
  Command.withDescription("Write a new plugin that works: provider, emulator, test and package"),
  Command.withExamples([{ command: "nexus plugin new acme" }])
)

const test = Command.make(
  "test",
  {
    plugin: Argument.String("plugin").pipe(
      Argument.withDescription("A path such as ./acme, or an npm package's name; it has to export its emulator too")
    )
  },
  Effect.fn(function* ({ plugin }) {
    const { layer, emulator } = yield* loadModule(plugin)
    if (emulator === undefined) {
      const reason = "it exports no emulator. Export the function that makes it, with a name that ends with Emulator"
      return yield* new PluginUnusable({ plugin, reason })
    }
    const checks = conformance(registered(plugin, layer), emulator)
    let failed = 0
    for (const { name, run } of checks) {
      const result = yield* Effect.result(run)
      if (Result.isSuccess(result)) {
        yield* Console.log(result.success === "passed" ? `ok    ${name}` : `-     ${name} (it has nothing of the kind)`)
        continue
      }
      failed++
      const { expected, happened, advice } = result.failure
      yield* Console.log(`FAIL  ${name}\n        ${[expected, happened, advice].join("\n        ")}`)
    }
    if (failed > 0) return yield* new NotConforming({ failed, all: checks.length })
    yield* Console.log(`${plugin} keeps to its contract: ${checks.length} checks`)
  })
).pipe(
  Command.withDescription("Run the conformance checks on a plugin, against its emulator"),
  Command.withExamples([{ command: "nexus plugin test ./acme" }])
)

/** `nexus plugin`. */
export const plugin = (builtIn: Layer.Layer<never, PluginUnusable, PluginRegistry>) =>
  Command.make("plugin").pipe(
    Command.withDescription("Plugins: one for each provider"),
    Command.withSubcommands([list(builtIn), make, test])
  )
