import { ConfigProvider, Effect, Layer, type Schema, type Scope } from "effect"
import { HttpClient } from "effect/http"
import { IntegrationId } from "../../domain/Ids.ts"
import { Egress } from "../../egress/Egress.ts"
import { hostVariable } from "../Hosts.ts"
import { Memories } from "../Memory.ts"
import { PluginRegistry, PluginUnusable } from "../PluginRegistry.ts"
import type { OutgoingContact, Provider, Session } from "../Provider.ts"
import { Sessions } from "../Sessions.ts"
import type { EmulatedAnswer, EmulatedRequest, Emulator } from "./Emulator.ts"
import { type RunningEmulator, startEmulator } from "./EmulatorServer.ts"

/** A plugin beside its emulator, with the service's own client between them. */
export interface Stand {
  readonly provider: Provider
  readonly emulator: Emulator
  readonly server: RunningEmulator
  /** The URLs that the plugin asked for so far, without their queries, those of undeclared hosts included. */
  readonly asked: ReadonlyArray<string>
  /** The texts that the plugin gave its memory so far. */
  readonly remembered: ReadonlyArray<string>
  /** Opens a session, by default with the credentials that the emulator takes and the plugin's default settings. */
  session(
    credentials?: Readonly<Record<string, string>>,
    settings?: Readonly<Record<string, unknown>>
  ): Effect.Effect<Session, Schema.SchemaError, Scope.Scope>
}

const integration = IntegrationId.make("00000000-0000-7000-8000-000000000001")

/** Starts the emulator, points the plugin's hosts at it, and registers the plugin; all until the scope closes. */
export const makeStand = <E>(
  plugin: Layer.Layer<never, E, PluginRegistry>,
  makeEmulator: () => Emulator
): Effect.Effect<Stand, E | PluginUnusable, Scope.Scope> =>
  Effect.gen(function* () {
    const emulator = makeEmulator()
    const server = yield* startEmulator(emulator)
    const registered = yield* Layer.build(plugin.pipe(Layer.provideMerge(PluginRegistry.layer)))
    const [provider, ...others] = yield* Effect.flatMap(PluginRegistry, ({ all }) => all).pipe(
      Effect.provide(registered)
    )
    if (provider === undefined || others.length > 0) {
      return yield* new PluginUnusable({ plugin: "under test", reason: "it has to register exactly one provider" })
    }
    const environment = ConfigProvider.fromUnknown(
      Object.fromEntries(emulator.hosts.map((name) => [hostVariable(provider.id, name), server.url]))
    )
    const sessions = yield* Layer.build(
      Sessions.layer.pipe(
        Layer.provide([Egress.layerDevelopment, Memories.layerProcess]),
        Layer.provide(ConfigProvider.layer(environment)),
        Layer.provide(Layer.succeedContext(registered))
      )
    ).pipe(Effect.orDie)
    const asked: Array<string> = []
    const remembered: Array<string> = []
    const observed: Provider = {
      ...provider,
      session: (credentials, settings, { http, memory }) =>
        provider.session(credentials, settings, {
          http: HttpClient.tapRequest(http, ({ url }) => Effect.sync(() => asked.push(url.replace(/[?#].*/, "")))),
          memory: {
            once: (key, make) =>
              memory.once(
                key,
                Effect.tap(make, (text) => Effect.sync(() => remembered.push(text)))
              ),
            forget: (key, text) => memory.forget(key, text)
          }
        })
    }
    return {
      provider,
      emulator,
      server,
      asked,
      remembered,
      session: (credentials = emulator.credentials, settings = {}) =>
        Effect.flatMap(Sessions, ({ open }) => open(observed, integration, credentials, settings)).pipe(
          Effect.provide(sessions)
        )
    }
  })

/** Makes a new stand, whose emulator's answers are changed if `change` is given. */
export type OpenStand = (
  change?: (answer: EmulatedAnswer, request: EmulatedRequest) => EmulatedAnswer
) => Effect.Effect<Stand, unknown, Scope.Scope>

/** The stands of a plugin and its emulator. */
export const standsOf =
  <E>(plugin: Layer.Layer<never, E, PluginRegistry>, makeEmulator: () => Emulator): OpenStand =>
  (change) =>
    makeStand(plugin, () => (change === undefined ? makeEmulator() : changed(makeEmulator(), change)))

const changed = (emulator: Emulator, change: NonNullable<Parameters<OpenStand>[0]>): Emulator => {
  const { hosts, credentials, refused, failures, contacts, files, oauth } = emulator
  return {
    hosts,
    credentials,
    failures,
    answer: (request) => change(emulator.answer(request), request),
    revokeAccess: (revoked) => emulator.revokeAccess(revoked),
    revocations: () => emulator.revocations(),
    ...(refused === undefined ? {} : { refused }),
    ...(contacts === undefined ? {} : { contacts }),
    ...(files === undefined ? {} : { files }),
    ...(oauth === undefined ? {} : { oauth })
  }
}

/** The n-th of any number of contacts, with the plugin's default mapping applied. `fields` are of our own names. */
export const exampleContact = (
  { contacts }: Provider,
  n: number,
  fields: Readonly<Record<string, string>> = {}
): OutgoingContact => {
  const own: Readonly<Record<string, string>> = {
    firstName: `Ada ${n}`,
    lastName: `Lovelace ${n}`,
    email: `ada.${n}@example.com`,
    phone: `+44 20 7946 ${String(n).padStart(4, "0")}`,
    company: `Engines ${n % 3}`,
    jobTitle: "Analyst",
    ...fields
  }
  const mapped = Object.entries(contacts?.mapping ?? {}).flatMap(([from, to]) => {
    const value = own[from]
    return value === undefined || value === "" ? [] : [[to, value]]
  })
  return {
    id: `00000000-0000-7000-9000-${String(n).padStart(12, "0")}`,
    email: (own.email ?? "").toLowerCase(),
    fields: Object.fromEntries(mapped),
    tags: [],
    externalId: null
  }
}
