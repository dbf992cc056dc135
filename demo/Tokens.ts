import { ConfigProvider, Context, Effect, Layer, Redacted } from "effect"
import { Principal, type TokenScope } from "../src/domain/Principal.ts"
import { Tokens } from "../src/http/Tokens.ts"

/** A function that makes tokens for seven days, with a secret that the service gets too. */
export const makeTokens = Effect.fnUntraced(function* (secret: Redacted.Redacted<string>) {
  const environment = ConfigProvider.fromUnknown({ JWT_SECRET: Redacted.value(secret) })
  const context = yield* Layer.build(
    Tokens.layer(() => Promise.reject(new Error("No key set is read"))).pipe(
      Layer.provide(ConfigProvider.layer(environment))
    )
  )
  const { issue } = Context.get(context, Tokens)
  return (userId: string, ...scopes: ReadonlyArray<TokenScope>) =>
    Effect.map(issue(new Principal({ userId, scopes }), "7 days"), Redacted.value)
})
