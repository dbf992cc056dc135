/** What a service needs to know to be a client of the emulated providers' OAuth. */
import { Context, Effect, Layer } from "effect"
import { BuiltInPlugins } from "../plugins/index.ts"
import { PluginRegistry } from "../src/plugin/PluginRegistry.ts"
import type { Emulated } from "./Emulators.ts"

/**
 * Registers the service with every emulated provider that has OAuth; gives the variables that tell it so.
 *
 * @param url `PUBLIC_URL` of the service
 */
export const oauthVariables = Effect.fnUntraced(function* (emulated: ReadonlyArray<Emulated>, url: string) {
  const plugins = Layer.fresh(BuiltInPlugins).pipe(Layer.provideMerge(Layer.fresh(PluginRegistry.layer)))
  const registry = Context.get(yield* Layer.build(plugins), PluginRegistry)
  const variables: Record<string, string> = {}
  for (const { id, oauth } of yield* registry.all) {
    const provider = emulated.find((one) => one.provider === id)?.emulator.oauth
    if (oauth === undefined || provider === undefined) continue
    provider.register(`${url}/integrations/oauth/${oauth.slug}/callback`)
    variables[oauth.client.id] = provider.client.id
    variables[oauth.client.secret] = provider.client.secret
  }
  return variables
})
