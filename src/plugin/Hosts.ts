import { Config, ConfigProvider, Effect, Option, Schema } from "effect"
import { ConfigurationInvalid } from "../domain/ConfigurationInvalid.ts"
import type { ProviderId } from "../domain/Ids.ts"

/** Where a plugin's requests may go, and where they go instead when a host is pointed elsewhere. */
export interface Hosts {
  /** The URL to dial for a URL that the plugin asked for, and the host that it named; none for an undeclared host. */
  route(url: URL): Option.Option<{ readonly url: URL; readonly forwardedHost: string | null }>
}

/** The variable that points a host of a provider elsewhere: `NEXUS_HOST_HUBSPOT_API`. */
export const hostVariable = (provider: ProviderId, name: string): string =>
  `NEXUS_HOST_${provider}_${name.replace(/([a-z])([A-Z])/g, "$1_$2").toUpperCase()}`

/** A declared host: `https://api.hubapi.com`, or `https://*.salesforce.com`. */
export const hostPattern = /^https:\/\/(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+$/

/** Whether a URL is one of a declared host. */
export const matches = (declared: string, url: URL): boolean => {
  if (!declared.includes("*")) return url.origin === declared
  const suffix = declared.slice("https://*".length)
  const labels = url.hostname.slice(0, -suffix.length)
  return url.protocol === "https:" && url.port === "" && url.hostname.endsWith(suffix) && /^[a-z0-9.-]+$/.test(labels)
}

const Origin = Schema.String.check(
  Schema.makeFilter((text) => {
    const url = URL.parse(text)
    return (
      (url !== null &&
        /^https?:$/.test(url.protocol) &&
        url.pathname === "/" &&
        url.search === "" &&
        url.hash === "") ||
      "must be an origin such as http://127.0.0.1:4010, without a path"
    )
  })
)

/** Reads the variables of a provider's hosts. A value that is no origin is a `ConfigurationInvalid` that names it. */
export const makeHosts = Effect.fnUntraced(function* (
  provider: ProviderId,
  declared: Readonly<Record<string, string | ReadonlyArray<string>>>
) {
  const hosts = yield* Effect.forEach(Object.entries(declared), ([name, patterns]) =>
    Effect.map(override(hostVariable(provider, name)), (elsewhere) => ({ patterns: [patterns].flat(), elsewhere }))
  )
  return {
    route: (url) => {
      const host = hosts.find(({ patterns }) => patterns.some((pattern) => matches(pattern, url)))
      if (host === undefined) return Option.none()
      if (Option.isNone(host.elsewhere)) return Option.some({ url, forwardedHost: null })
      // Not resolved against it: a path that begins with // would name another host.
      const dialled = new URL(host.elsewhere.value)
      dialled.pathname = url.pathname
      dialled.search = url.search
      return Option.some({ url: dialled, forwardedHost: url.host })
    }
  } satisfies Hosts
})

interface Declaring {
  readonly id: ProviderId
  readonly hosts: Readonly<Record<string, string | ReadonlyArray<string>>>
}

/** {@link makeHosts} of each provider. */
export const makeAllHosts = Effect.fnUntraced(function* (providers: ReadonlyArray<Declaring>) {
  const made = yield* Effect.forEach(providers, ({ id, hosts }) =>
    Effect.map(makeHosts(id, hosts), (own): readonly [ProviderId, Hosts] => [id, own])
  )
  return new Map(made)
})

const override = (variable: string) =>
  Config.schema(Origin, variable).pipe(
    Config.option,
    Effect.mapError(
      () =>
        new ConfigurationInvalid({
          problems: [{ variable, problem: "must be an origin such as http://127.0.0.1:4010, without a path" }]
        })
    )
  )

/** Fails with every `NEXUS_HOST_*` variable that is no origin, or that names no host of these providers. */
export const checkHosts = Effect.fnUntraced(function* (providers: ReadonlyArray<Declaring>) {
  const readings = yield* Effect.forEach(providers, ({ id, hosts }) => Effect.result(makeHosts(id, hosts)))
  const wrong = readings.flatMap((reading) => (reading._tag === "Failure" ? reading.failure.problems : []))
  const known = providers.flatMap(({ id, hosts }) => Object.keys(hosts).map((name) => hostVariable(id, name)))
  const set = yield* variablesBelow(yield* ConfigProvider.ConfigProvider, ["NEXUS", "HOST"])
  const unknown = set
    .filter((variable) => !known.includes(variable))
    .map((variable) => ({ variable, problem: `names no host of a provider. There are: ${known.join(", ")}` }))
  const problems = [...wrong, ...unknown]
  if (problems.length > 0) return yield* new ConfigurationInvalid({ problems })
})

/** The names of the variables that are set and begin with these words. */
const variablesBelow = (
  provider: ConfigProvider.ConfigProvider,
  words: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<string>> =>
  Effect.orDie(provider.load(words)).pipe(
    Effect.flatMap((node) => {
      const own = node?.value === undefined ? [] : [words.join("_")]
      const next = node?._tag === "Record" ? Array.from(node.keys) : []
      return Effect.map(
        Effect.forEach(next, (word) => variablesBelow(provider, [...words, word])),
        (found) => [...own, ...found.flat()]
      )
    })
  )
