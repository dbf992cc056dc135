import { Console, Effect, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { UserId } from "../domain/Ids.ts"
import { Events } from "../outbox/Events.ts"
import { EventTypes } from "../outbox/EventTypes.ts"

/** Any JSON text, kept as it was typed: key order and the spelling of numbers reach the receiver. */
const Json = Schema.String.check(
  Schema.makeFilter(
    (text) => isJson(text) || 'Expected JSON, quoted for the shell; for example: \'{"cardId": "card-1"}\''
  )
)
const isJson = (text: string) => Option.isSome(Schema.decodeOption(Schema.fromJsonString(Schema.Unknown))(text))

const send = Command.make(
  "send",
  {
    type: Argument.String("type").pipe(Argument.withDescription("The event type, for example CONTACT_CREATED")),
    data: Argument.String("data").pipe(
      Argument.withDescription("The event's data, a JSON object; the type's example when left out"),
      Argument.withSchema(Json),
      Argument.optional
    ),
    user: Flag.String("user").pipe(Flag.withDescription("The user whose event it is"), Flag.withSchema(UserId)),
    key: Flag.String("key").pipe(
      Flag.withDescription("An idempotency key: the same one is the same event for 24 hours"),
      Flag.optional
    )
  },
  Effect.fn(function* ({ type, data, user, key }) {
    const events = yield* Events
    const types = yield* (yield* EventTypes).list
    const example = types.find(({ name }) => name === type)?.example ?? {}
    const accepted = yield* events.emit({
      userId: user,
      eventType: type,
      payload: Option.getOrElse(data, () => JSON.stringify(example)),
      idempotencyKey: Option.getOrUndefined(key)
    })
    yield* Console.log(accepted.id)
  })
).pipe(
  Command.withDescription("Send an event to the user's webhooks; prints its id"),
  Command.withExamples([{ command: 'nexus events send CARD_VIEW \'{"cardId": "card-1"}\' --user user-1' }])
)

/** `nexus events`. */
export const events = Command.make("events").pipe(
  Command.withDescription("Events of a user"),
  Command.withSubcommands([send])
)
