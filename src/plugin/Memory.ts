import { Context, Effect, Layer } from "effect"
import type { IntegrationId } from "../domain/Ids.ts"

/** What a plugin remembers about an integration's account: ids of folders and the like, no secrets. */
export interface Memory {
  /**
   * The text that is remembered under a key. Where there is none it is what `make` gives; of several processes that make
   * one at the same moment, all get the first. At most 64 characters of key and 1,024 of text.
   */
  once<E>(key: string, make: Effect.Effect<string, E>): Effect.Effect<string, E>
  /** Forgets a text, unless it is another one by now. */
  forget(key: string, text: string): Effect.Effect<void>
}

/** The memories of integrations. They last as long as the connection to the same account. */
export class Memories extends Context.Service<
  Memories,
  {
    of(integration: IntegrationId): Memory
  }
>()("nexus/plugin/Memories") {
  /** In this process alone. */
  static readonly layerProcess = Layer.sync(Memories, () => {
    const known = new Map<string, string>()
    return Memories.of({
      of: (integration) => ({
        once: (key, make) =>
          Effect.suspend(() => {
            const place = `${integration} ${key}`
            const found = known.get(place)
            if (found !== undefined) return Effect.succeed(found)
            return Effect.map(make, (text) => {
              const first = known.get(place) ?? text
              known.set(place, first)
              return first
            })
          }),
        forget: (key, text) =>
          Effect.sync(() => {
            const place = `${integration} ${key}`
            if (known.get(place) === text) known.delete(place)
          })
      })
    })
  })
}
