import { Console, Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { UserId } from "../domain/Ids.ts"
import { Deliveries } from "../webhooks/Deliveries.ts"

const retry = Command.make(
  "retry",
  {
    webhook: Argument.String("webhook").pipe(Argument.withDescription("The webhook's id")),
    delivery: Argument.String("delivery").pipe(Argument.withDescription("The delivery's id")),
    user: Flag.String("user").pipe(Flag.withDescription("The user whose webhook it is"), Flag.withSchema(UserId))
  },
  Effect.fn(function* ({ webhook, delivery, user }) {
    const deliveries = yield* Deliveries
    yield* deliveries.retry(user, webhook, delivery)
    yield* Console.log("It is attempted again now.")
  })
).pipe(Command.withDescription("Attempt a delivery once more, at once"))

/** `nexus deliveries`. */
export const deliveries = Command.make("deliveries").pipe(
  Command.withDescription("Deliveries of a user's webhooks"),
  Command.withSubcommands([retry])
)
