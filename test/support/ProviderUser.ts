import { Effect } from "effect"
import { Emulators } from "./Integrating.ts"
import { TestApi } from "./TestApi.ts"

/** What a user does with a provider over HTTP, and the emulator that stands for it. */
export const userOf = Effect.fnUntraced(function* (provider: string, userId: string) {
  const { ask, token } = yield* TestApi
  const { emulator, server } = (yield* Emulators).of(provider)
  const user = { token: yield* token(userId) }
  const path = `/integrations/${provider}`
  return {
    emulator,
    server,
    connect: (credentials: object = emulator.credentials, more: object = {}) =>
      ask("POST", "/integrations/connect", { ...user, body: { provider, credentials, ...more } }),
    /** Asks at a path below the integration's own. */
    ask: (method: string, rest = "", body?: unknown) => ask(method, path + rest, { ...user, body }),
    /** Asks at any path. */
    askAt: (method: string, path: string, body?: unknown) => ask(method, path, { ...user, body }),
    addContacts: (count: number) =>
      Effect.forEach(
        Array.from({ length: count }, (_, n) => ({
          email: `ada${n}@example.com`,
          firstName: "Ada",
          lastName: `No ${n}`
        })),
        (body) => ask("POST", "/contacts", { ...user, body }),
        { discard: true }
      )
  }
})
