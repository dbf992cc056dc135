/** Loads the plugins of `NEXUS_PLUGINS`. */
import { createRequire } from "node:module"
import { resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { Cause, Config, Effect, Layer, Predicate } from "effect"
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
export const LoadedPlugins: Layer.Layer<never, PluginUnusable | Config.ConfigError, PluginRegistry> = Layer.unwrap(
  Effect.gen(function* () {
    const layers = yield* Effect.forEach(yield* pluginNames, load)
    return layers.reduce((all, layer) => Layer.merge(all, layer), Layer.empty)
  })
)

const load = Effect.fnUntraced(function* (name: string) {
  const exported: unknown = yield* Effect.tryPromise({
    try: () => import(locate(name)),
    catch: (cause) => new PluginUnusable({ plugin: name, reason: `it can't be loaded: ${firstLine(cause)}` })
  })
  const layer = layerOf(exported)
  if (layer === undefined) {
    const reason =
      "it exports no plugin. The module has to export what plugin({ … }) returns, as its default or its only layer"
    return yield* new PluginUnusable({ plugin: name, reason })
  }
  return registered(name, layer)
})

/** A name is looked for from the folder that the service was started in, then from where this package lies. */
const locate = (name: string): string => {
  if (name.startsWith("file:")) return name
  if (/^[./]|^[A-Za-z]:\\/.test(name)) return pathToFileURL(resolve(name)).href
  try {
    return pathToFileURL(createRequire(resolve("package.json")).resolve(name)).href
  } catch {
    return name
  }
}

const layerOf = (exported: unknown) => {
  if (typeof exported !== "object" || exported === null) return undefined
  const candidates = "default" in exported ? [exported.default] : Object.values(exported)
  const layers = candidates.filter(Layer.isLayer)
  return layers.length === 1 ? layers[0] : undefined
}

/** Builds a foreign layer, of which nothing is known, with the registry alone. */
const registered = (name: string, layer: Layer.Layer<unknown, unknown, unknown>) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const registry = yield* PluginRegistry
      const before = (yield* registry.all).length
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

const firstLine = (cause: unknown): string =>
  String(cause instanceof Error ? cause.message : cause).split("\n")[0] ?? ""
