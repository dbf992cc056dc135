import { Console, DateTime, Effect, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { UserId } from "../domain/Ids.ts"
import { DeadLetters } from "../outbox/DeadLetters.ts"

/** Whose hand it was, in the audit log. */
const operator = { userId: UserId.make("operator"), actor: "operator", address: null }

const list = Command.make(
  "list",
  {
    limit: Flag.Int("limit").pipe(
      Flag.withDescription("At most so many"),
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 }))),
      Flag.withDefault(50)
    )
  },
  Effect.fn(function* ({ limit }) {
    const letters = yield* DeadLetters
    const { items, next } = yield* letters.list({ limit, cursor: null })
    for (const { id, diedAt, userId, eventType, reason } of items) {
      yield* Console.log(
        `${id}  ${DateTime.formatIso(diedAt)}  user "${userId}"  ${eventType.slice(0, 64)}\n    ${reason}`
      )
    }
    if (items.length === 0) yield* Console.log("There are no dead letters.")
    if (next !== null) yield* Console.log(`There are more than ${limit}.`)
  })
).pipe(Command.withDescription("The rows of the outbox that could not become events, the newest first"))

const retry = Command.make(
  "retry",
  {
    id: Argument.String("id").pipe(
      Argument.withDescription("A dead letter's id; all of them when left out"),
      Argument.optional
    )
  },
  Effect.fn(function* ({ id }) {
    const letters = yield* DeadLetters
    if (Option.isSome(id)) yield* letters.retry(operator, id.value)
    const count = Option.isSome(id) ? 1 : yield* letters.retryAll()
    yield* Console.log(`${count} went back into the outbox. What is still wrong with one makes it a dead letter again.`)
  })
).pipe(Command.withDescription("Put dead letters back into the outbox"))

/** `nexus dead-letters`. */
export const deadLetters = Command.make("dead-letters").pipe(
  Command.withDescription("What could not be sent at all, and why"),
  Command.withSubcommands([list, retry])
)
