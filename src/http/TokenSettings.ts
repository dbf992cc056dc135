/**
 * Reads from the environment whose tokens the service accepts: `JWT_SECRET` or `JWT_JWKS_URL`, `JWT_ISSUER`,
 * `JWT_AUDIENCE`.
 */
import { Buffer } from "node:buffer"
import { createSecretKey, type KeyObject, randomBytes } from "node:crypto"
import { Config, Effect, Option, Redacted } from "effect"
import { ConfigurationInvalid } from "../domain/ConfigurationInvalid.ts"

/** Tokens signed with a secret that this service knows too, so it can issue them itself. HS256. */
export interface SecretSettings {
  readonly _tag: "Secret"
  /** Opaque: neither printing nor JSON shows the secret. */
  readonly key: KeyObject
  readonly issuer: string | undefined
  readonly audience: string | undefined
}

/** Tokens of an identity provider that publishes its public keys (RFC 7517). */
export interface JwksSettings {
  readonly _tag: "Jwks"
  readonly url: URL
  /** Required, as is the audience: an identity provider signs for many applications with the same keys. */
  readonly issuer: string
  readonly audience: string
}

export type TokenSettings = SecretSettings | JwksSettings

/** A new text for `JWT_SECRET`. */
export const generateJwtSecret: Effect.Effect<Redacted.Redacted<string>> = Effect.sync(() =>
  Redacted.make(randomBytes(48).toString("base64"))
)

/** Set to nothing, as in a copied `.env.example`, counts as not set. */
const optional = (name: string) =>
  Config.Redacted(name).pipe(
    Config.option,
    Config.map((value) => Option.getOrUndefined(Option.filter(value, (value) => Redacted.value(value).trim() !== "")))
  )
const optionalText = (name: string) => optional(name).pipe(Config.map((value) => value && Redacted.value(value).trim()))

const variables = Config.all({
  secret: optional("JWT_SECRET"),
  url: optionalText("JWT_JWKS_URL"),
  issuer: optionalText("JWT_ISSUER"),
  audience: optionalText("JWT_AUDIENCE")
})

/**
 * The settings in the environment; every problem with them is named at once.
 *
 * @param otherwise the secret where neither `JWT_SECRET` nor `JWT_JWKS_URL` is set
 */
export const tokenSettings = Effect.fnUntraced(function* <E, R>(
  otherwise: Effect.Effect<Redacted.Redacted<string>, E, R>
) {
  const { secret, url, issuer, audience } = yield* variables
  if (url === undefined) return yield* secretSettings(secret ?? (yield* otherwise), issuer, audience)
  if (secret === undefined) return yield* jwksSettings(url, issuer, audience)
  return yield* new ConfigurationInvalid({
    problems: [
      { variable: "JWT_SECRET", problem: "and JWT_JWKS_URL are both set: keep the one whose tokens are to be accepted" }
    ]
  })
})

/** For {@link tokenSettings} in production: with nothing set, no token could be checked. */
export const noSecret: Effect.Effect<never, ConfigurationInvalid> = Effect.suspend(() =>
  wrongSecret("or JWT_JWKS_URL must be set, else no token can be checked")
)

const wrongSecret = (problem: string) =>
  new ConfigurationInvalid({
    problems: [{ variable: "JWT_SECRET", problem: `${problem}. Make a secret with: openssl rand -base64 48` }]
  })

/** The least length of `JWT_SECRET` in bytes: that of the hash (RFC 7518, section 3.2). */
const secretBytes = 32

const secretSettings = Effect.fnUntraced(function* (
  secret: Redacted.Redacted<string>,
  issuer: string | undefined,
  audience: string | undefined
) {
  const bytes = Buffer.from(Redacted.value(secret), "utf8")
  if (bytes.length < secretBytes) {
    return yield* wrongSecret(`is ${bytes.length} bytes long, at least ${secretBytes} are needed`)
  }
  const settings: SecretSettings = { _tag: "Secret", key: createSecretKey(bytes), issuer, audience }
  return settings
})

const jwksSettings = Effect.fnUntraced(function* (
  text: string,
  issuer: string | undefined,
  audience: string | undefined
) {
  const parsed = URL.parse(text)
  const url = parsed !== null && /^https?:$/.test(parsed.protocol) ? parsed : undefined
  if (url !== undefined && issuer !== undefined && audience !== undefined) {
    const settings: JwksSettings = { _tag: "Jwks", url, issuer, audience }
    return settings
  }
  const problems = []
  if (url === undefined) {
    const problem = "is not a URL such as https://login.example.com/.well-known/jwks.json"
    problems.push({ variable: "JWT_JWKS_URL", problem })
  }
  if (issuer === undefined) {
    problems.push({ variable: "JWT_ISSUER", problem: 'must be set with JWT_JWKS_URL: the "iss" of its tokens' })
  }
  if (audience === undefined) {
    const problem = "must be set with JWT_JWKS_URL, else tokens meant for other applications would be accepted"
    problems.push({ variable: "JWT_AUDIENCE", problem })
  }
  return yield* new ConfigurationInvalid({ problems })
})
