/** Loads the plugins of `NEXUS_PLUGINS`. */
import { Cause, Config, Effect, Layer, Predicate } from "effect"
import { firstLine, loadModule } from "./PluginModule.ts"
import { PluginRegistry, PluginUnusable } from "./PluginRegistry.ts"

/** `NEXUS_PLUGINS`: npm packages and paths, separated by commas. Paths begin with `.` or `/`, or are `file:` URLs. */
export const pluginNames: Config.Config<ReadonlyArray<string>> = Config.String("NEXUS_PLUGINS").pipe(
  Config.withDefault(""),
  Config.map((text) =>
    text
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "")
  )
)

/**
 * The plugins of `NEXUS_PLUGINS`, each registered by its layer: the module's default export, or the one layer among its
 * exports. One that can't be found, loaded or registered fails with `PluginUnusable`, which names it and says why.
 */
export const LoadedPlugins: Layer.Layer<never, PluginUnusable | Config.ConfigError, PluginRegistry> =
  Layer.effectDiscard(
    Effect.gen(function* () {
      // One after the other, so that it is the later one that has claimed an id twice.
      for (const name of yield* pluginNames) yield* Layer.build(yield* loadPlugin(name))
    })
  )

/** A plugin by path or npm name, as a layer that registers it. */
export const loadPlugin = (name: string) => Effect.map(loadModule(name), ({ layer }) => registered(name, layer))

/** Builds a foreign layer, of which nothing is known, with the registry alone. */
export const registered = (name: string, layer: Layer.Layer<unknown, unknown, unknown>) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const registry = yield* PluginRegistry
      const before = (yield* registry.all).length
      // Nothing is known of a foreign layer; it gets the registry, and whatever else it wants fails its build.
      yield* Layer.build(layer as Layer.Layer<unknown, unknown, PluginRegistry>).pipe(
        Effect.catchCause((cause) => new PluginUnusable({ plugin: name, reason: reasonOf(cause) }))
      )
      if ((yield* registry.all).length === before) {
        return yield* new PluginUnusable({ plugin: name, reason: "its layer registers no provider" })
      }
    })
  )

/** The sentence of a `PluginUnusable`, also one of the plugin's own copy of this package. */
const reasonOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return Predicate.isTagged(error, "PluginUnusable") && Predicate.hasProperty(error, "reason")
    ? String(error.reason)
    : firstLine(error)
}
