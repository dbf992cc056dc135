/**
 * Checks bearer tokens (JWT, RFC 7519) and issues them where the service knows the secret.
 */
import {
  Clock,
  type Config,
  Context,
  Duration,
  Effect,
  type FileSystem,
  Layer,
  type Path,
  Redacted,
  Schema
} from "effect"
import {
  createRemoteJWKSet,
  customFetch,
  type FetchImplementation,
  type JWTVerifyGetKey,
  jwtVerify,
  SignJWT
} from "jose"
import type { ConfigurationInvalid } from "../domain/ConfigurationInvalid.ts"
import { Principal, TokenScope } from "../domain/Principal.ts"
import { type SecretFileUnusable, secretFile } from "../vault/SecretFile.ts"
import { InvalidToken, invalidTokenOf } from "./InvalidToken.ts"
import { generateJwtSecret, type JwksSettings, noSecret, type TokenSettings, tokenSettings } from "./TokenSettings.ts"

/** The identity provider's keys can't be read at the moment, so no token can be judged: 503, not 401. */
export class TokenKeysUnreachable extends Schema.TaggedError<TokenKeysUnreachable>()("TokenKeysUnreachable", {
  url: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `The keys that tokens are checked with can't be read from ${this.url} (JWT_JWKS_URL)`
  }
}

/** Tokens come from an identity provider (`JWT_JWKS_URL`), so this service can't issue any. */
export class TokensIssuedElsewhere extends Schema.TaggedError<TokensIssuedElsewhere>()("TokensIssuedElsewhere", {
  issuer: Schema.String
}) {
  override get message() {
    return `Tokens are issued by ${this.issuer} (JWT_ISSUER): get one there, this service has no secret to sign with`
  }
}

/**
 * Fetches the key set. The egress room's, since every outgoing request goes through its door. It must honour `signal`
 * (five seconds), follow no redirect, and bound the size of the body.
 */
export type KeySetFetch = FetchImplementation

/** What a valid token says. */
export interface VerifiedToken {
  readonly principal: Principal
  /** Its `exp`, in milliseconds since 1970. */
  readonly endsAt: number
}

/** Checks and issues bearer tokens. */
export class Tokens extends Context.Service<
  Tokens,
  {
    /** Who the token is for, and until when. Checks algorithm, signature, `exp`, `nbf`, `sub`, and issuer and audience where configured. */
    verify(token: Redacted.Redacted<string>): Effect.Effect<VerifiedToken, InvalidToken | TokenKeysUnreachable>
    /** A token for a principal, valid from now on. */
    issue(
      principal: Principal,
      lifetime: Duration.Input
    ): Effect.Effect<Redacted.Redacted<string>, TokensIssuedElsewhere>
  }
>()("nexus/http/Tokens") {
  /** Reads `JWT_SECRET` or `JWT_JWKS_URL`; fails when neither is set. For production. */
  static readonly layer = (fetch: KeySetFetch): Layer.Layer<Tokens, ConfigurationInvalid | Config.ConfigError> =>
    Layer.effect(
      Tokens,
      Effect.map(tokenSettings(noSecret), (settings) => make(settings, fetch))
    )

  /** As {@link Tokens.layer}, but with neither set the secret is in the file at `path`, made on first use. For development. */
  static readonly layerFile = (
    path: string,
    fetch: KeySetFetch
  ): Layer.Layer<
    Tokens,
    ConfigurationInvalid | Config.ConfigError | SecretFileUnusable,
    FileSystem.FileSystem | Path.Path
  > =>
    Layer.effect(
      Tokens,
      Effect.map(tokenSettings(secretFile(path, generateJwtSecret)), (settings) => make(settings, fetch))
    )
}

/** Longer than any token in use; Node itself takes 16 KiB of headers in all. */
const maxTokenLength = 8192

/** Seconds by which the clocks of issuer and service may differ. */
const clockTolerance = 5

/** Never mixed: a published key must not serve as the secret of an HMAC (RFC 8725, section 2.1). */
const algorithms = {
  Secret: ["HS256"],
  Jwks: ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"]
}

/** What is read from a verified token. `scope` is one string with spaces (RFC 8693, section 4.2) or a list. */
const Claims = Schema.Struct({
  sub: Principal.fields.userId,
  exp: Schema.Finite,
  scope: Schema.optionalKey(Schema.Union([Schema.String, Schema.Array(Schema.String)]))
})

const make = (settings: TokenSettings, fetch: KeySetFetch) => {
  const { issuer, audience } = settings
  const key: JWTVerifyGetKey = settings._tag === "Jwks" ? keySet(settings, fetch) : async () => settings.key
  const options = {
    algorithms: algorithms[settings._tag],
    clockTolerance,
    requiredClaims: ["exp", "sub"],
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience })
  }

  return Tokens.of({
    verify: Effect.fn("Tokens.verify")(function* (token: Redacted.Redacted<string>) {
      if (Redacted.value(token).length > maxTokenLength) {
        return yield* new InvalidToken({ reason: "malformed", detail: `is longer than ${maxTokenLength} characters` })
      }
      const currentDate = new Date(yield* Clock.currentTimeMillis)
      const { payload } = yield* Effect.tryPromise(() =>
        jwtVerify(Redacted.value(token), key, { ...options, currentDate })
      ).pipe(Effect.catchTag("UnknownError", ({ cause }) => refuse(settings, cause)))
      const {
        sub,
        exp,
        scope = []
      } = yield* Effect.mapError(
        decodeClaims(payload),
        () => new InvalidToken({ reason: "claims", detail: 'has an unusable "sub" (1 to 255 characters) or "scope"' })
      )
      const scopes = typeof scope === "string" ? scope.split(" ") : scope
      const known = TokenScope.literals.filter((scope) => scopes.includes(scope))
      return { principal: new Principal({ userId: sub, scopes: known }), endsAt: exp * 1000 }
    }),

    issue: Effect.fn("Tokens.issue")(function* (principal: Principal, lifetime: Duration.Input) {
      if (settings._tag === "Jwks") return yield* new TokensIssuedElsewhere({ issuer: settings.issuer })
      const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
      const token = new SignJWT({ scope: principal.scopes.join(" ") })
        .setProtectedHeader({ alg: "HS256", typ: "JWT" })
        .setSubject(principal.userId)
        .setIssuedAt(now)
        .setExpirationTime(now + Math.ceil(Duration.toSeconds(lifetime)))
      if (issuer !== undefined) token.setIssuer(issuer)
      if (audience !== undefined) token.setAudience(audience)
      return Redacted.make(yield* Effect.promise(() => token.sign(settings.key)))
    })
  })
}

const decodeClaims = Schema.decodeUnknownEffect(Claims)

/** Cached for ten minutes; an unknown key asks again, at most every 30 seconds, and callers at one moment share a request. */
const keySet = ({ url }: JwksSettings, fetch: KeySetFetch) =>
  createRemoteJWKSet(url, {
    timeoutDuration: 5000,
    cooldownDuration: 30_000,
    cacheMaxAge: 600_000,
    [customFetch]: fetch
  })

/** A bad token is the bearer's; anything else is about the key set, or a bug where there is none. */
const refuse = (settings: TokenSettings, error: unknown): Effect.Effect<never, InvalidToken | TokenKeysUnreachable> => {
  const invalid = invalidTokenOf(error)
  if (invalid !== undefined) return Effect.fail(invalid)
  return settings._tag === "Jwks"
    ? Effect.fail(new TokenKeysUnreachable({ url: settings.url.href, cause: error }))
    : Effect.die(error)
}
