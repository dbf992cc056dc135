/** What can be wrong with the variables of OAuth clients, and the addresses that providers send browsers back to. */
import { Config, Effect } from "effect"
import { ConfigurationInvalid } from "../domain/ConfigurationInvalid.ts"
import { publicUrl } from "../PublicUrl.ts"
import type { Provider } from "../plugin/Provider.ts"
import type { OAuthClients } from "./OAuthClients.ts"

const isWebUrl = (text: string) => /^https?:$/.test(URL.parse(text)?.protocol ?? "")

/** Fails with every variable of a redirect URI that is no address. */
export const checkRedirectUris = Effect.fnUntraced(function* (providers: ReadonlyArray<Provider>) {
  const problems = yield* Effect.forEach(providers, ({ oauth }) => {
    if (oauth === undefined) return Effect.succeed([])
    const variable = oauth.client.redirectUri
    const example = `https://nexus.example.com/integrations/oauth/${oauth.slug}/callback`
    return Config.String(variable).pipe(
      Config.withDefault(""),
      Effect.map((text) =>
        text.trim() === "" || isWebUrl(text) ? [] : [{ variable, problem: `must be an address such as ${example}` }]
      )
    )
  })
  if (problems.flat().length > 0) return yield* new ConfigurationInvalid({ problems: problems.flat() })
})

/**
 * Why nobody can connect a provider whose client somebody began to set up, or why browsers that it sends back will not
 * arrive where they began: nothing stops the start for that.
 */
export const redirectUriWarnings = Effect.fnUntraced(function* (
  providers: ReadonlyArray<Provider>,
  clients: OAuthClients["Service"]
) {
  const site = yield* publicUrl
  return providers.flatMap((provider) => {
    const setup = clients.setup(provider)
    if (provider.oauth === undefined || setup === undefined) return []
    const { client, slug } = provider.oauth
    const [missing, ...more] = setup.missing
    const set = missing === client.id ? client.secret : client.id
    const half =
      missing !== undefined && more.length === 0
        ? [`${set} is set and ${missing} is not, so nobody can connect ${provider.name} in the browser. Set both`]
        : []
    const wanted = `${site}/integrations/oauth/${slug}/callback`
    if (setup.redirectUri === wanted) return half
    const isElsewhere = URL.parse(setup.redirectUri)?.origin !== new URL(site).origin
    const why = isElsewhere
      ? `is at another origin than PUBLIC_URL (${site}): the cookie that is set there never arrives, so every sign-in at ${provider.name} ends as wrong_browser`
      : `is not the address of the callback, so no sign-in at ${provider.name} ends`
    return [...half, `${client.redirectUri} is ${setup.redirectUri}, which ${why}. It should be ${wanted}`]
  })
})
