import { randomBytes } from "node:crypto"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import { SignJWT, UnsecuredJWT } from "jose"
import { Principal } from "../../src/domain/Principal.ts"
import { Tokens } from "../../src/http/Tokens.ts"

const secret = randomBytes(48).toString("base64")

const environment = (variables: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromUnknown(variables))

const noFetch = () => Promise.reject(new Error("No request is expected"))

const tokensWith = (variables: Record<string, string>) =>
  Tokens.pipe(Effect.provide(Tokens.layer(noFetch).pipe(Layer.provide(environment(variables)))))

/** Where the test clock stands in each test, in unix seconds. */
const now = 1_763_634_600
const at = TestClock.setTime(now * 1000)

const signed = (claims: object, key = secret, alg = "HS256") =>
  Effect.promise(() => new SignJWT({ ...claims }).setProtectedHeader({ alg }).sign(Buffer.from(key)))

/** The principal of a token, or the reason and message of its refusal. */
const judge = (tokens: Tokens["Service"], token: string) =>
  tokens.verify(Redacted.make(token)).pipe(
    Effect.map(({ principal }) => principal),
    Effect.catchTag("InvalidToken", ({ reason, message }) => Effect.succeed({ reason, message }))
  )

const refusal = Effect.fnUntraced(function* (claims: object, variables: Record<string, string> = {}) {
  yield* at
  const tokens = yield* tokensWith({ JWT_SECRET: secret, ...variables })
  return yield* judge(tokens, yield* signed(claims))
})

const claims = { sub: "user-123", exp: now + 60 }

describe("Tokens with JWT_SECRET", () => {
  it.effect("verifies what it issues", () =>
    Effect.gen(function* () {
      yield* at
      const tokens = yield* tokensWith({
        JWT_SECRET: secret,
        JWT_ISSUER: "https://app.example.com",
        JWT_AUDIENCE: "nexus"
      })
      const principal = new Principal({ userId: "user-123", scopes: ["service", "admin"] })
      const token = yield* tokens.issue(principal, "1 hour")
      assert.deepStrictEqual(yield* tokens.verify(token), { principal, endsAt: (now + 3600) * 1000 })
      assert.strictEqual(String(token), "<redacted>")

      yield* TestClock.adjust("1 hour")
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual((yield* tokens.verify(token)).principal, principal, "clocks may differ by five seconds")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(
        (yield* Effect.flip(tokens.verify(token))).message,
        "The token expired at 2025-11-20T11:30:00.000Z"
      )
    })
  )

  it.effect.each([
    { scope: undefined, scopes: [] },
    { scope: "", scopes: [] },
    { scope: "openid service profile", scopes: ["service"] },
    { scope: "admin service", scopes: ["service", "admin"] },
    { scope: ["admin", "other"], scopes: ["admin"] },
    { scope: "administrator services", scopes: [] }
  ] as const)("reads the scope $scope", ({ scope, scopes }) =>
    Effect.gen(function* () {
      const principal = yield* refusal(scope === undefined ? claims : { ...claims, scope })
      assert.deepInclude(principal, { userId: "user-123", scopes })
    })
  )

  it.effect.each([
    { without: "exp", token: { sub: "user-123" }, reason: "claims", message: 'The token lacks the claim "exp"' },
    { without: "sub", token: { exp: now + 60 }, reason: "claims", message: 'The token lacks the claim "sub"' },
    {
      without: "time left",
      token: { ...claims, exp: now - 5 },
      reason: "expired",
      message: "The token expired at 2025-11-20T10:29:55.000Z"
    },
    { without: "a date", token: { ...claims, exp: -1e300 }, reason: "expired", message: "The token expired" },
    {
      without: "a number as exp",
      token: { ...claims, exp: String(now + 60) },
      reason: "claims",
      message: 'The token has no number as "exp"'
    },
    {
      without: "its time come",
      token: { ...claims, nbf: now + 6 },
      reason: "not-yet-valid",
      message: "The token is not valid before 2025-11-20T10:30:06.000Z"
    }
  ] as const)("refuses a token without $without", ({ token, reason, message }) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* refusal(token), { reason, message })
    })
  )

  it.effect.each([
    { sub: "" },
    { sub: "x".repeat(256) },
    { sub: "a\u0000b" },
    { sub: "line\nbreak" },
    { sub: "\ud800" },
    { sub: 42 },
    { sub: null },
    { sub: ["user-123"] }
  ])("refuses %j as the user", ({ sub }) =>
    Effect.gen(function* () {
      assert.propertyVal(yield* refusal({ exp: now + 60, sub }), "reason", "claims")
    })
  )

  it.effect.each([{ scope: 42 }, { scope: { service: true } }, { scope: [1] }])(
    "refuses %j as the scope",
    ({ scope }) =>
      Effect.gen(function* () {
        assert.propertyVal(yield* refusal({ ...claims, scope }), "reason", "claims")
      })
  )

  it.effect("refuses another issuer or audience, and a token that names none", () =>
    Effect.gen(function* () {
      const issuer = { JWT_ISSUER: "https://app.example.com" }
      assert.propertyVal(yield* refusal({ ...claims, iss: "https://app.example.com/" }, issuer), "reason", "issuer")
      assert.propertyVal(yield* refusal(claims, issuer), "message", 'The token lacks the claim "iss"')
      const audience = { JWT_AUDIENCE: "nexus" }
      assert.propertyVal(yield* refusal({ ...claims, aud: ["other"] }, audience), "reason", "audience")
      assert.propertyVal(yield* refusal(claims, audience), "message", 'The token lacks the claim "aud"')
      assert.instanceOf(yield* refusal({ ...claims, aud: ["other", "nexus"] }, audience), Principal)
    })
  )

  it.effect("refuses tokens of another secret, of another algorithm, and unsigned ones", () =>
    Effect.gen(function* () {
      yield* at
      const tokens = yield* tokensWith({ JWT_SECRET: secret })
      const forged = yield* signed(claims, randomBytes(48).toString("base64"))
      assert.propertyVal(yield* judge(tokens, forged), "reason", "signature")
      assert.propertyVal(yield* judge(tokens, yield* signed(claims, secret, "HS512")), "reason", "algorithm")
      const unsigned = new UnsecuredJWT(claims).encode()
      assert.propertyVal(yield* judge(tokens, unsigned), "reason", "algorithm")
      assert.propertyVal(yield* judge(tokens, `${unsigned}AAAA`), "reason", "algorithm")
    })
  )

  it.effect("refuses a token with any one character of it changed", () =>
    Effect.gen(function* () {
      yield* at
      const tokens = yield* tokensWith({ JWT_SECRET: secret })
      const token = yield* signed(claims)
      for (let index = 0; index < token.length; index++) {
        const changed = `${token.slice(0, index)}${token[index] === "A" ? "B" : "A"}${token.slice(index + 1)}`
        assert.notInstanceOf(yield* judge(tokens, changed), Principal, changed)
      }
    })
  )

  it.effect("refuses garbage, however much of it", () =>
    Effect.gen(function* () {
      yield* at
      const tokens = yield* tokensWith({ JWT_SECRET: secret })
      const garbage = fc.sample(
        fc.oneof(
          fc.string({ unit: "binary" }),
          fc.array(fc.base64String(), { minLength: 3, maxLength: 3 }).map((parts) => parts.join(".")),
          fc.json().map((header) => `${Buffer.from(header).toString("base64url")}.e30.AAAA`)
        ),
        500
      )
      for (const text of ["", ".", "..", "...", ...garbage]) {
        assert.include(["malformed", "algorithm"], Object.values(yield* judge(tokens, text))[0], text)
      }
      const long = yield* signed({ ...claims, padding: "x".repeat(100_000) })
      assert.propertyVal(yield* judge(tokens, long), "message", "The token is longer than 8192 characters")
    })
  )

  it.effect("shows nothing of the token in a refusal", () =>
    Effect.gen(function* () {
      yield* at
      const token = yield* signed({ ...claims, exp: now - 60 })
      const error = yield* Effect.flip((yield* tokensWith({ JWT_SECRET: secret })).verify(Redacted.make(token)))
      const printed = JSON.stringify(error) + String(error) + error.stack
      for (const part of [...token.split("."), "user-123"]) assert.notInclude(printed, part)
    })
  )

  it.effect("makes a secret in development and keeps it", () =>
    Effect.gen(function* () {
      yield* at
      const path = `${yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()}/jwt-secret`
      const started = Tokens.pipe(Effect.provide(Tokens.layerFile(path, noFetch).pipe(Layer.provide(environment({})))))
      const principal = new Principal({ userId: "dev", scopes: [] })
      const token = yield* (yield* started).issue(principal, "1 day")
      assert.deepStrictEqual((yield* (yield* started).verify(token)).principal, principal)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
