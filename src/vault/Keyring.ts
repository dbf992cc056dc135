/**
 * The keys that seal credentials, read once at start. Only the vault uses them.
 */
import { Buffer } from "node:buffer"
import { createSecretKey, type KeyObject, randomBytes } from "node:crypto"
import { Config, Context, Effect, type FileSystem, Layer, Option, type Path, Redacted } from "effect"
import { ConfigurationInvalid } from "../domain/ConfigurationInvalid.ts"
import { type SecretFileUnusable, secretFile } from "./SecretFile.ts"

/** A key and the name by which sealed values refer to it. Opaque: neither printing nor JSON shows the key. */
export interface NamedKey {
  readonly id: string
  readonly key: KeyObject
}

/** The named keys: one that seals, and all that open. */
export class Keyring extends Context.Service<
  Keyring,
  {
    /** The first key of the list: everything new is sealed with it. */
    readonly sealing: NamedKey
    /** Finds the key with this name, also an older one that only opens. */
    get(id: string): Option.Option<NamedKey>
    /** The names of all keys, the sealing one first. */
    readonly ids: ReadonlyArray<string>
  }
>()("nexus/vault/Keyring") {
  /** Reads `NEXUS_ENCRYPTION_KEYS`; fails when it is missing. For production. */
  static readonly layer: Layer.Layer<Keyring, ConfigurationInvalid | Config.ConfigError> = Layer.effect(
    Keyring,
    Effect.suspend(() => configuredKeys(Effect.succeed(Redacted.make(""))))
  )

  /** One new key that is kept nowhere: what it seals opens only while this layer lives. For tests. */
  static readonly layerMemory: Layer.Layer<Keyring> = Layer.effect(
    Keyring,
    Effect.suspend(() => generateKey()).pipe(
      Effect.flatMap((text) => parseKeys("the new key", text)),
      Effect.orDie
    )
  )

  /** Reads `NEXUS_ENCRYPTION_KEYS` or, when it is not set, the file at `path`, made on first use. For development. */
  static readonly layerFile = (
    path: string
  ): Layer.Layer<
    Keyring,
    ConfigurationInvalid | Config.ConfigError | SecretFileUnusable,
    FileSystem.FileSystem | Path.Path
  > =>
    Layer.effect(
      Keyring,
      Effect.gen(function* () {
        const configured = yield* fromEnvironment
        if (Option.isSome(configured)) return yield* parseKeys(variable, configured.value)
        return yield* parseKeys(path, yield* secretFile(path, generateKey()))
      })
    )
}

const variable = "NEXUS_ENCRYPTION_KEYS"

/** A variable that is set to nothing, as in a copied `.env.example`, counts as not set. */
const fromEnvironment = Config.Redacted(variable).pipe(
  Config.option,
  Config.map(Option.filter((text) => Redacted.value(text).trim() !== ""))
)

/**
 * The keys of `NEXUS_ENCRYPTION_KEYS`.
 *
 * @param otherwise the text to parse where it is not set; an empty one fails as a missing variable does
 */
export const configuredKeys = Effect.fnUntraced(function* (otherwise: Effect.Effect<Redacted.Redacted<string>>) {
  const configured = yield* fromEnvironment
  return yield* parseKeys(variable, Option.isSome(configured) ? configured.value : yield* otherwise)
})

/**
 * A new key as the text that `NEXUS_ENCRYPTION_KEYS` holds, `k1:<base64 of 32 random bytes>`. Its name continues the
 * numbers of `taken`, the names in use, so that it can be put in front of the present ones: `k3:…,k2:…,k1:…`.
 */
export const generateKey = (taken: Iterable<string> = []): Effect.Effect<Redacted.Redacted<string>> =>
  Effect.sync(() => {
    const numbers = Array.from(taken, (id) => Number(/^k(\d{1,9})$/.exec(id)?.[1] ?? 0))
    return Redacted.make(`k${Math.max(0, ...numbers) + 1}:${randomBytes(keyBytes).toString("base64")}`)
  })

/** AES-256, and as much for HKDF to start from. */
const keyBytes = 32

/**
 * Parses `k2:base64,k1:base64`: the first key seals, all open. Spaces and line breaks around entries don't matter.
 * Every entry's problem is named, none by its key.
 *
 * @param source the variable or the file that the text is from, for the messages
 */
export const parseKeys = Effect.fnUntraced(function* (source: string, text: Redacted.Redacted<string>) {
  const entries = Redacted.value(text)
    .split(",")
    .map((entry) => entry.trim())
  const keys = new Map<string, NamedKey>()
  const problems: Array<string> = []
  for (const [index, entry] of entries.entries()) {
    const parsed = parseEntry(entry)
    if (typeof parsed === "string") problems.push(entries.length > 1 ? `entry ${index + 1} ${parsed}` : parsed)
    else if (keys.has(parsed.id)) problems.push(`has two keys named "${parsed.id}"`)
    else keys.set(parsed.id, parsed)
  }
  const [sealing] = keys.values()
  if (sealing === undefined || problems.length > 0) {
    const missing = entries.every((entry) => entry === "")
    const what = missing ? "is not set: without a key no credentials can be kept" : problems.join("; ")
    const problem = `${what}. Make a key with: npx nexus keys generate`
    return yield* new ConfigurationInvalid({ problems: [{ variable: source, problem }] })
  }
  return Keyring.of({ sealing, get: (id) => Option.fromUndefinedOr(keys.get(id)), ids: [...keys.keys()] })
})

/** The key, or what is wrong with its entry. */
const parseEntry = (entry: string): NamedKey | string => {
  if (entry === "") return "is empty"
  const [, id, encoded] = /^([A-Za-z0-9_-]{1,32}):(.*)$/s.exec(entry) ?? []
  if (id === undefined || encoded === undefined) {
    return `is not of the form name:base64 (a name has up to 32 letters, digits, "-" and "_")`
  }
  const bytes = Buffer.from(encoded, "base64")
  if (bytes.toString("base64").replace(/=+$/, "") !== encoded.replace(/=+$/, "")) return `("${id}") is not base64`
  if (bytes.length !== keyBytes) return `("${id}") is ${bytes.length} bytes long, a key has ${keyBytes}`
  if (bytes.every((byte) => byte === bytes[0])) return `("${id}") repeats one byte, anyone can guess it`
  return { id, key: createSecretKey(bytes) }
}
