/** Modules that plugins come in, from a path or an npm package. */
import { existsSync } from "node:fs"
import module, { createRequire } from "node:module"
import { join, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { Effect, Layer } from "effect"
import { PluginUnusable } from "./PluginRegistry.ts"
import type { Emulator } from "./testing/Emulator.ts"

/** What a module of a plugin exports, of which nothing is known but this. */
export interface PluginModule {
  readonly layer: Layer.Layer<unknown, unknown, unknown>
  /** The function that makes the emulator, where there is one: its name ends with `Emulator`. */
  readonly emulator: (() => Emulator) | undefined
}

/**
 * Loads a plugin's module. Paths begin with `.` or `/`, or are `file:` URLs; a folder means its `index.ts` or
 * `index.js`. Anything else is an npm package's name, looked for from the folder that the service was started in, then
 * from where this package lies.
 */
export const loadModule = Effect.fnUntraced(function* (name: string) {
  const exported: unknown = yield* Effect.tryPromise({
    try: () => {
      lendOwnPackages()
      return import(locate(name))
    },
    catch: (cause) => new PluginUnusable({ plugin: name, reason: `it can't be loaded: ${whyNot(cause)}` })
  })
  const layer = layerOf(exported)
  if (layer === undefined) {
    const reason =
      "it exports no plugin. The module has to export what plugin({ … }) returns, as its default or its only layer"
    return yield* new PluginUnusable({ plugin: name, reason })
  }
  return { layer, emulator: emulatorOf(exported) } satisfies PluginModule
})

/** The first line of what an error says. */
export const firstLine = (cause: unknown): string =>
  String(cause instanceof Error ? cause.message : cause).split("\n")[0] ?? ""

/** A plugin that isn't where it was said to be is told apart from one that imports what isn't there. */
const whyNot = (cause: unknown): string => {
  const said = firstLine(cause)
  const own = ` imported from ${import.meta.filename}`
  if (!said.endsWith(own)) return said
  const what = said.slice(0, -own.length)
  return `${what}. Paths begin with ./ or /, a folder has an index.ts or index.js; anything else is an installed package`
}

const locate = (name: string): string => {
  if (name.startsWith("file:")) return name
  if (/^[./]|^[A-Za-z]:\\/.test(name)) {
    const path = resolve(name)
    const index = ["index.ts", "index.js"].map((file) => join(path, file)).find((file) => existsSync(file))
    return pathToFileURL(index ?? path).href
  }
  try {
    return pathToFileURL(createRequire(resolve("package.json")).resolve(name)).href
  } catch {
    return name
  }
}

let lends = false

/**
 * A plugin's folder that has not installed its peers yet gets this package and its Effect, so that a new plugin runs at
 * once. A runtime without hooks (Deno) finds them only where they are installed.
 */
const lendOwnPackages = () => {
  if (lends || typeof module.registerHooks !== "function") return
  lends = true
  module.registerHooks({
    resolve: (name, context, next) => {
      if (!/^(effect|nexus-integrations)(\/|$)/.test(name)) return next(name, context)
      try {
        return next(name, context)
      } catch {
        return next(name, { ...context, parentURL: import.meta.url })
      }
    }
  })
}

const layerOf = (exported: unknown) => {
  if (typeof exported !== "object" || exported === null) return undefined
  const candidates = "default" in exported ? [exported.default] : Object.values(exported)
  const layers = candidates.filter(Layer.isLayer)
  return layers.length === 1 ? layers[0] : undefined
}

const emulatorOf = (exported: unknown) => {
  if (typeof exported !== "object" || exported === null) return undefined
  const found = Object.entries(exported).flatMap(([name, value]) =>
    name.endsWith("Emulator") && typeof value === "function" ? [value] : []
  )
  // A function of that name in a plugin's module is what the contract says it is; the checks find out.
  return found.length === 1 ? (found[0] as () => Emulator) : undefined
}
