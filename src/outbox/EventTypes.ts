import { Array as Arr, Context, Effect, Layer, Result, Schema } from "effect"
import type { Actor } from "../domain/Actor.ts"
import { EventType } from "../domain/EventType.ts"
import { EventTypeExists, InvalidEventType, type NewEventType } from "../domain/NewEventType.ts"
import { EventTypeRepo } from "./EventTypeRepo.ts"
import { compileSchema, type Misfit } from "./JsonSchema.ts"

/** The kinds of events of this installation. A type that exists does not change: what was sent under it stays true. */
export class EventTypes extends Context.Service<
  EventTypes,
  {
    /** By name. */
    readonly list: Effect.Effect<ReadonlyArray<EventType>>
    /** Creates a custom type. Its schema must be usable, and its example must fit it. */
    create(actor: Actor, type: NewEventType): Effect.Effect<EventType, InvalidEventType | EventTypeExists>
  }
>()("nexus/outbox/EventTypes") {
  static readonly layer = Layer.effect(
    EventTypes,
    Effect.gen(function* () {
      const repo = yield* EventTypeRepo

      return EventTypes.of({
        list: repo.list.pipe(Effect.flatMap(Schema.decodeEffect(Schema.Array(EventType))), Effect.orDie),

        create: Effect.fn("EventTypes.create")(function* (actor: Actor, type: NewEventType) {
          const misfits = judge(type)
          if (Arr.isReadonlyArrayNonEmpty(misfits)) return yield* new InvalidEventType({ errors: misfits })
          const row = yield* Effect.orDie(repo.create(actor, type))
          if (row === undefined) return yield* new EventTypeExists({ name: type.name })
          return yield* Effect.orDie(Schema.decodeEffect(EventType)(row))
        })
      })
    })
  )
}

const judge = ({ schema, example }: NewEventType): ReadonlyArray<Misfit> => {
  if (schema === undefined) return []
  const check = compileSchema(schema)
  if (Result.isFailure(check)) {
    return [{ path: "schema", message: `This is not a usable JSON Schema: ${check.failure}` }]
  }
  return example === undefined ? [] : check.success(example, "example")
}
