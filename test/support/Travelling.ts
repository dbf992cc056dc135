import { Effect, Layer } from "effect"
import { plugin } from "nexus-integrations/plugin"
import { harbor, meadow } from "../plugin/fixtures/Meadow.ts"
import { HarborEmulator, MeadowEmulator } from "../plugin/fixtures/MeadowEmulator.ts"
import { openBrowser } from "./Browser.ts"
import { Emulators, integratingLayer, withEmulators } from "./Integrating.ts"
import { TestApi } from "./TestApi.ts"

/** Where the service is, as the outside knows it. */
export const site = "https://nexus.example.com"
export const dashboard = `${site}/dashboard/integrations`
/** A front end of somebody else's. */
export const frontEnd = "https://app.example.com"
export const returnUrl = `${frontEnd}/settings?tab=integrations`

const plugins = Layer.mergeAll(plugin(meadow), plugin(harbor))

/** The API with the providers Meadow and Harbor, which run, and know it by its redirect URIs. */
export const travellingLayer = (variables: Readonly<Record<string, string>> = {}) =>
  withEmulators({ MEADOW: MeadowEmulator, HARBOR: HarborEmulator }, (hosts) =>
    TestApi.layer(
      {
        PUBLIC_URL: site,
        RETURN_URLS: `${returnUrl}, ${frontEnd}/other`,
        CORS_ORIGINS: frontEnd,
        MEADOW_CLIENT_ID: "meadow-client",
        MEADOW_CLIENT_SECRET: "meadow-client-secret-4711",
        HARBOR_CLIENT_ID: "harbor-client",
        HARBOR_CLIENT_SECRET: "harbor-client-secret-4711",
        NEXUS_UNAUTHENTICATED_REQUESTS_PER_MINUTE: "10000",
        NEXUS_REQUESTS_PER_MINUTE: "10000",
        ...hosts,
        ...variables
      },
      integratingLayer(plugins)
    )
  )

type Slug = "meadow" | "harbor"

/** The emulator of a provider's OAuth. */
export const oauthOf = Effect.fnUntraced(function* (slug: Slug) {
  const { emulator, server } = (yield* Emulators).of(slug.toUpperCase())
  const { oauth } = emulator
  if (oauth === undefined) throw new Error("It has OAuth")
  oauth.register(`${site}/integrations/oauth/${slug}/callback`)
  return { ...oauth, emulator, server }
})

/** The query of the page that a browser was sent back to. */
export const resultIn = (location: string) => Object.fromEntries(new URL(location).searchParams)

/** A user whose browser goes to a provider and back. */
export const traveller = Effect.fnUntraced(function* (userId: string, slug: Slug = "meadow") {
  const { ask, token } = yield* TestApi
  const browser = yield* openBrowser
  const provider = yield* oauthOf(slug)
  const bearer = yield* token(userId)
  const authorize = `/integrations/oauth/${slug}/authorize`
  const callback = `/integrations/oauth/${slug}/callback`
  return {
    ...browser,
    provider,
    callback,
    token: bearer,
    signIn: browser.visit("/session", { method: "POST", headers: { authorization: `Bearer ${bearer}` } }),
    /** Follows the link of the dashboard; the answer's location is the provider's page. */
    begin: (to: string | undefined = dashboard) =>
      browser.visit(to === undefined ? authorize : `${authorize}?returnUrl=${encodeURIComponent(to)}`),
    /** What a front end of somebody else's does. */
    post: (body: object = {}, headers: Readonly<Record<string, string>> = {}) =>
      browser.visit(authorize, {
        method: "POST",
        body,
        headers: { authorization: `Bearer ${bearer}`, origin: frontEnd, ...headers }
      }),
    attempt: (id: string) => ask("GET", `/integrations/oauth/attempts/${id}`, { token: bearer }),
    integrations: Effect.map(ask("GET", "/integrations", { token: bearer }), ({ json }) => json)
  }
})

type Traveller = Effect.Success<ReturnType<typeof traveller>>

/** A user who is signed in, whose browser was at the provider, and where it is sent back to. */
export const onTheWayBack = Effect.fnUntraced(function* (userId: string, slug: Slug = "meadow") {
  const user = yield* traveller(userId, slug)
  yield* user.signIn
  const { location } = yield* user.begin()
  return { ...user, back: user.provider.consent(location) }
})

/** How an attempt ends whose browser goes to this URL. */
export const outcomeAt = Effect.fnUntraced(function* ({ visit }: Pick<Traveller, "visit">, url: string) {
  return resultIn((yield* visit(url)).location)
})

/** A callback with other parameters. */
export const changed = (url: string, parameters: Readonly<Record<string, string | null>>) => {
  const other = new URL(url)
  for (const [name, value] of Object.entries(parameters)) {
    if (value === null) other.searchParams.delete(name)
    else other.searchParams.set(name, value)
  }
  return other.href
}

/** A parameter of a URL. */
export const parameterOf = (url: string, name: string) => new URL(url).searchParams.get(name) ?? ""
