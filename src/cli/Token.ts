import { Console, Duration, Effect, Redacted, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { UserId } from "../domain/Ids.ts"
import { Principal, TokenScope } from "../domain/Principal.ts"
import { Tokens } from "../http/Tokens.ts"

/** `nexus token`: prints a bare token, for `curl -H "Authorization: Bearer $(nexus token --user ID)"`. */
export const token = Command.make(
  "token",
  {
    user: Flag.String("user").pipe(Flag.withDescription("The user that the token is for"), Flag.withSchema(UserId)),
    scope: Flag.Literals("scope", TokenScope.literals).pipe(
      Flag.withDescription("service: act for any user; admin: manage event types and dead letters"),
      Flag.atMost(2),
      Flag.withDefault([])
    ),
    days: Flag.Int("days").pipe(
      Flag.withDescription("How long it is valid"),
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 365 }))),
      Flag.withDefault(1)
    )
  },
  Effect.fn(function* ({ user, scope, days }) {
    const tokens = yield* Tokens
    const issued = yield* tokens.issue(Principal.make({ userId: user, scopes: scope }), Duration.days(days))
    yield* Console.log(Redacted.value(issued))
  })
).pipe(Command.withDescription("Print a token for a user"))
