/** The service as a process of its own, with every provider emulated, and the front end of the demo before it. */
import { NodeServices } from "@effect/platform-node"
import { assert } from "@effect/vitest"
import { Context, Effect, Layer, Redacted, type Scope } from "effect"
import type { BrowserContext, Page } from "playwright-core"
import { type Emulated, hostVariables, startEmulators } from "../../demo/Emulators.ts"
import { startFrontEnd } from "../../demo/FrontEnd.ts"
import { oauthVariables } from "../../demo/OAuthVariables.ts"
import { makeTokens } from "../../demo/Tokens.ts"
import { Chromium } from "./Chromium.ts"
import { TestDatabase } from "./Database.ts"
import { freePort } from "./FreePort.ts"
import { production, startNexus } from "./NexusProcess.ts"

/** Somebody who can sign in at the front end, and has nothing yet. */
export interface User {
  readonly id: string
  readonly token: string
}

export class BrowserStage extends Context.Service<
  BrowserStage,
  {
    /** `http://localhost:<port>` of the service. */
    readonly api: string
    /** The front end's page of integrations. */
    readonly home: string
    readonly emulated: (provider: string) => Emulated
    /** A user whom no other test has. */
    readonly newUser: Effect.Effect<User>
    readonly open: Effect.Effect<BrowserContext, never, Scope.Scope>
  }
>()("nexus/test/BrowserStage") {
  static readonly layer = Layer.effect(
    BrowserStage,
    Effect.gen(function* () {
      const environment = yield* production
      const { open } = yield* Chromium
      const api = `http://localhost:${yield* freePort}`
      const emulated = yield* startEmulators
      const token = yield* makeTokens(Redacted.make(environment.JWT_SECRET))
      const ids = Array.from({ length: 80 }, (_, index) => `person-${index + 1}`)
      const tokens = Object.fromEntries(
        yield* Effect.forEach(ids, (id) => Effect.map(token(id), (text) => [id, text] as const))
      )
      const frontEnd = yield* startFrontEnd({ port: 0, api, tokens })
      const home = `${frontEnd}/integrations`
      const service = yield* startNexus(["serve"], {
        ...environment,
        ...hostVariables(emulated),
        ...(yield* oauthVariables(emulated, api)),
        PORT: new URL(api).port,
        CORS_ORIGINS: frontEnd,
        RETURN_URLS: home
      })
      yield* service.line(/is ready at/)
      return BrowserStage.of({
        api,
        home,
        open,
        newUser: Effect.sync(() => {
          const id = ids.shift()
          assert.isDefined(id, "there are more users than tests")
          return { id, token: tokens[id] ?? "" }
        }),
        emulated: (provider) => ofProvider(emulated, provider)
      })
    })
  ).pipe(Layer.provide([Chromium.layer, TestDatabase.layer]), Layer.provide(NodeServices.layer))
}

const ofProvider = (emulated: ReadonlyArray<Emulated>, provider: string) => {
  const found = emulated.find((one) => one.provider === provider)
  if (found === undefined) throw new Error(`No emulator runs for ${provider}`)
  return found
}

/** What a test has: the stage, a user, and a tab of the user's browser. */
export interface Scene {
  readonly stage: BrowserStage["Service"]
  readonly user: User
  /** Nobody yet, for tests of two. */
  readonly other: User
  readonly context: BrowserContext
  readonly page: Page
  /** Another browser. */
  readonly elsewhere: BrowserContext
}

/** Plays in new browsers, and looks at what may never be seen: secrets outside of the way back, and errors of scripts. */
export const scene = (play: (scene: Scene) => Promise<void>) =>
  Effect.fnUntraced(function* () {
    const stage = yield* BrowserStage
    const user = yield* stage.newUser
    const other = yield* stage.newUser
    const context = yield* stage.open
    const elsewhere = yield* stage.open
    const seen = [context, elsewhere].map((one) => watch(one, stage.home))
    yield* Effect.promise(async () => {
      await play({ stage, user, other, context, elsewhere, page: await context.newPage() })
      const cookies = (await Promise.all([context, elsewhere].map((one) => one.cookies(stage.api)))).flat()
      const secrets = [
        ...seen.flatMap((one) => one.secrets),
        ...cookies.flatMap(({ name, value }) => (name.startsWith("nexus-") ? [value] : []))
      ]
      for (const { texts, faults } of seen) {
        assert.deepStrictEqual(faults, [])
        for (const secret of secrets) for (const text of texts) assert.notInclude(text, secret)
      }
    })
  })

/** Collects the secrets of every way back, and every text that must not have one. */
const watch = (context: BrowserContext, home: string) => {
  const secrets: Array<string> = []
  const texts: Array<string> = []
  const faults: Array<string> = []
  context.on("request", (request) => {
    const url = new URL(request.url())
    const isBack = url.pathname.endsWith("/callback")
    if (isBack) secrets.push(...["code", "state"].flatMap((name) => url.searchParams.get(name) ?? []))
    if (url.origin === new URL(home).origin) texts.push(url.href)
    const from = URL.parse(request.headers().referer ?? "")
    if (from !== null && from.origin !== url.origin) texts.push(from.href)
  })
  context.on("console", (message) => {
    texts.push(message.text())
    if (/Content Security Policy|CORS/.test(message.text())) faults.push(message.text())
  })
  context.on("weberror", (error) => faults.push(String(error.error())))
  return { secrets, texts, faults }
}
