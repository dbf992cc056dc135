import { Effect, Layer } from "effect"
import { BuiltInPlugins } from "../../plugins/index.ts"
import { PluginRegistry } from "../../src/plugin/PluginRegistry.ts"
import type { Provider } from "../../src/plugin/Provider.ts"

/** The providers of the plugins that come with the service, by id. */
export const builtIns: Effect.Effect<ReadonlyMap<string, Provider>> = Effect.gen(function* () {
  const providers = yield* (yield* PluginRegistry).all
  return new Map(providers.map((provider) => [String(provider.id), provider]))
}).pipe(
  Effect.provide(Layer.fresh(BuiltInPlugins).pipe(Layer.provideMerge(Layer.fresh(PluginRegistry.layer)))),
  Effect.orDie
)

/** Their ids, in order. */
export const builtInIds: Effect.Effect<ReadonlyArray<string>> = Effect.map(builtIns, (known) =>
  Array.from(known.keys())
)
