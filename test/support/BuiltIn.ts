import { Effect, Layer } from "effect"
import type { Emulator } from "nexus-integrations/plugin/testing"
import { BuiltInPlugins } from "../../plugins/index.ts"
import { PluginRegistry } from "../../src/plugin/PluginRegistry.ts"

const builtIn = Effect.gen(function* () {
  return yield* (yield* PluginRegistry).all
}).pipe(
  Effect.provide(Layer.fresh(BuiltInPlugins).pipe(Layer.provideMerge(Layer.fresh(PluginRegistry.layer)))),
  Effect.orDie
)

/** The ids of the plugins that come with the service, in order. */
export const builtInIds: Effect.Effect<ReadonlyArray<string>> = Effect.map(builtIn, (providers) =>
  providers.map(({ id }) => String(id))
)

/** The variables of the OAuth client that an emulator knows, where its credentials need one to be renewed. */
export const clientVariables = (provider: string, { oauth, credentials }: Emulator) =>
  Effect.map(builtIn, (providers): Readonly<Record<string, string>> => {
    const names = providers.find(({ id }) => id === provider)?.oauth?.client
    if (oauth === undefined || names === undefined || !("refreshToken" in credentials)) return {}
    return { [names.id]: oauth.client.id, [names.secret]: oauth.client.secret }
  })
