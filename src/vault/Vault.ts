/**
 * Seals secrets for the database and opens them again.
 *
 * A sealed text is `nx1.<key id>.<base64url of salt, ciphertext, tag>`. Each value has its own AES-256-GCM key and
 * nonce, derived with HKDF-SHA256 from the named key and 32 random bytes of salt: no pair is ever used twice, however
 * many values one key seals. Version, key id and the value's place are authenticated with it, so a sealed text that is
 * moved to another row, user, provider or field doesn't open there.
 *
 * Sources: NIST SP 800-38D (GCM; the tag is always the full 16 bytes), RFC 5869 (HKDF).
 */
import { Buffer } from "node:buffer"
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto"
import { Context, Effect, Layer, Option, Redacted, Schema } from "effect"
import { Keyring, type NamedKey } from "./Keyring.ts"

/** A sealed secret as it stands in a text column. */
export const Sealed = Schema.String.pipe(Schema.brand("Sealed"))
export type Sealed = typeof Sealed.Type

/** The place that a secret belongs to. It opens only with the very binding that it was sealed with. */
export interface Binding {
  readonly table: string
  /** The row's id. */
  readonly row: string
  readonly user: string
  /** The provider's id; empty where there is none, as for a webhook's secret. */
  readonly provider: string
  /** The column, or what in it is sealed. */
  readonly field: string
}

/** A sealed secret doesn't open. Carries neither the secret nor a key. */
export class SealBroken extends Schema.TaggedError<SealBroken>()("SealBroken", {
  /** `malformed`: no sealed text; `unknown-key`: its key is not configured; `altered`: changed, or moved from elsewhere. */
  reason: Schema.Literals(["malformed", "unknown-key", "altered"]),
  /** The id of the key that sealed it; `null` when `malformed`. */
  keyId: Schema.NullOr(Schema.String),
  /** Where it stands: `table.field of row`. */
  place: Schema.String
}) {
  override get message() {
    const what = {
      malformed: "is not a sealed text",
      "unknown-key": `was sealed with the key "${this.keyId}": put it back into NEXUS_ENCRYPTION_KEYS, behind the first`,
      altered: "was changed, moved from another place, or sealed with another key of the same name"
    }
    return `${this.place} can't be opened: it ${what[this.reason]}`
  }
}

/** Seals and opens secrets. */
export class Vault extends Context.Service<
  Vault,
  {
    /** Seals a secret for its place. The same secret seals to another text every time. */
    seal(plain: Redacted.Redacted<string>, binding: Binding): Effect.Effect<Sealed>
    /** Opens a sealed secret at its place. */
    open(sealed: Sealed, binding: Binding): Effect.Effect<Redacted.Redacted<string>, SealBroken>
    /** The id of the key that sealed it; none when it is no sealed text. */
    keyId(sealed: Sealed): Option.Option<string>
    /** True unless the first key of the keyring sealed it: open it and seal it anew. */
    needsReseal(sealed: Sealed): boolean
  }
>()("nexus/vault/Vault") {
  static readonly layer: Layer.Layer<Vault, never, Keyring> = Layer.effect(
    Vault,
    Effect.gen(function* () {
      const keyring = yield* Keyring

      return Vault.of({
        seal: Effect.fn("Vault.seal")((plain: Redacted.Redacted<string>, binding: Binding) =>
          Effect.sync(() => encrypt(keyring.sealing, Redacted.value(plain), binding))
        ),

        open: Effect.fn("Vault.open")(function* (sealed: Sealed, binding: Binding) {
          const place = `${binding.table}.${binding.field} of ${binding.row}`
          const parsed = parse(sealed)
          if (parsed === undefined) return yield* new SealBroken({ reason: "malformed", keyId: null, place })
          const { keyId, bytes } = parsed
          const key = keyring.get(keyId)
          if (Option.isNone(key)) return yield* new SealBroken({ reason: "unknown-key", keyId, place })
          return yield* Effect.try({
            try: () => Redacted.make(decrypt(key.value, bytes, binding)),
            catch: () => new SealBroken({ reason: "altered", keyId, place })
          })
        }),

        keyId: (sealed) => Option.map(Option.fromUndefinedOr(parse(sealed)), ({ keyId }) => keyId),
        needsReseal: (sealed) => parse(sealed)?.keyId !== keyring.sealing.id
      })
    })
  )
}

const version = "nx1"
const saltBytes = 32
const tagBytes = 16

const encrypt = (key: NamedKey, plain: string, binding: Binding): Sealed => {
  const salt = randomBytes(saltBytes)
  const derived = derive(key, salt)
  const cipher = createCipheriv("aes-256-gcm", derived.key, derived.nonce, { authTagLength: tagBytes })
  cipher.setAAD(additionalData(key.id, binding))
  const bytes = Buffer.concat([salt, cipher.update(plain, "utf8"), cipher.final(), cipher.getAuthTag()])
  return Sealed.make(`${version}.${key.id}.${bytes.toString("base64url")}`)
}

/** Throws when the tag doesn't match. */
const decrypt = (key: NamedKey, bytes: Buffer, binding: Binding): string => {
  const derived = derive(key, bytes.subarray(0, saltBytes))
  const decipher = createDecipheriv("aes-256-gcm", derived.key, derived.nonce, { authTagLength: tagBytes })
  decipher.setAAD(additionalData(key.id, binding))
  decipher.setAuthTag(bytes.subarray(-tagBytes))
  return Buffer.concat([decipher.update(bytes.subarray(saltBytes, -tagBytes)), decipher.final()]).toString("utf8")
}

/** The key and nonce of one value. */
const derive = (key: NamedKey, salt: Buffer) => {
  const bytes = Buffer.from(hkdfSync("sha256", key.key, salt, `nexus/vault/${version}`, 32 + 12))
  return { key: bytes.subarray(0, 32), nonce: bytes.subarray(32) }
}

/** Each part behind its length, so no two bindings have the same encoding. */
const additionalData = (keyId: string, { table, row, user, provider, field }: Binding) =>
  Buffer.concat(
    [version, keyId, table, row, user, provider, field].flatMap((part) => {
      const text = Buffer.from(part, "utf8")
      const length = Buffer.alloc(4)
      length.writeUInt32BE(text.length)
      return [length, text]
    })
  )

/** Takes a sealed text apart. Strict about base64url, whose lenient decoders read several texts as the same bytes. */
const parse = (sealed: string): { readonly keyId: string; readonly bytes: Buffer } | undefined => {
  const [, keyId, encoded] = /^nx1\.([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_-]+)$/.exec(sealed) ?? []
  if (keyId === undefined || encoded === undefined) return undefined
  const bytes = Buffer.from(encoded, "base64url")
  return bytes.length >= saltBytes + tagBytes && bytes.toString("base64url") === encoded ? { keyId, bytes } : undefined
}
