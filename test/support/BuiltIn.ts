import { Effect, Layer } from "effect"
import { BuiltInPlugins } from "../../plugins/index.ts"
import { PluginRegistry } from "../../src/plugin/PluginRegistry.ts"

/** The ids of the plugins that come with the service, in order. */
export const builtInIds: Effect.Effect<ReadonlyArray<string>> = Effect.gen(function* () {
  const providers = yield* (yield* PluginRegistry).all
  return providers.map(({ id }) => String(id))
}).pipe(
  Effect.provide(Layer.fresh(BuiltInPlugins).pipe(Layer.provideMerge(Layer.fresh(PluginRegistry.layer)))),
  Effect.orDie
)
