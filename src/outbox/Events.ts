import { Array as Arr, Context, Effect, Layer, Result } from "effect"
import { AcceptedEvent, InvalidEvent } from "../domain/Event.ts"
import type { UserId } from "../domain/Ids.ts"
import { EmitRepo } from "./EmitRepo.ts"
import { type Check, compileSchema, type Misfit } from "./JsonSchema.ts"

/** An event to emit. */
export interface Emission {
  readonly userId: UserId
  readonly eventType: string
  /** The data as JSON; this very text reaches the webhooks. */
  readonly payload: string
  /** The same key of the same user within 24 hours is the same event. */
  readonly idempotencyKey?: string | undefined
  /** W3C Trace Context. One that is malformed is left out, as the specification asks. */
  readonly traceparent?: string | undefined
}

/** Emits single events for callers that are not on the database themselves. */
export class Events extends Context.Service<
  Events,
  {
    /** Stores an event, so that it goes out; checks first what fan-out would check, and the JSON Schema of its type. */
    emit(emission: Emission): Effect.Effect<AcceptedEvent, InvalidEvent>
  }
>()("nexus/outbox/Events") {
  static readonly layer = Layer.effect(
    Events,
    Effect.gen(function* () {
      const repo = yield* EmitRepo
      const checks = new Map<string, { readonly schema: string; readonly check: Check }>()

      return Events.of({
        emit: Effect.fn("Events.emit")(function* ({ eventType, payload, idempotencyKey, traceparent, ...rest }) {
          const row = {
            ...rest,
            eventType,
            payload,
            idempotencyKey: idempotencyKey ?? null,
            traceparent: traceparent !== undefined && wellFormed.test(traceparent) ? traceparent : null
          }
          const { fault, schema } = yield* Effect.orDie(repo.judge(row))
          if (fault !== null) return yield* new InvalidEvent({ errors: [{ path: pathOf(fault), message: fault }] })
          const misfits = schema === null ? [] : checkOf(eventType, schema)(JSON.parse(payload), "payload")
          if (Arr.isReadonlyArrayNonEmpty(misfits)) return yield* new InvalidEvent({ errors: misfits })
          return new AcceptedEvent({ id: yield* Effect.orDie(repo.insert(row)), eventType })
        })
      })

      /** Compiled once for each type; anew when someone changed the schema in the database. */
      function checkOf(eventType: string, schema: Readonly<Record<string, unknown>>): Check {
        const text = JSON.stringify(schema)
        const known = checks.get(eventType)
        if (known?.schema === text) return known.check
        const check = Result.getOrElse(compileSchema(schema), unusable)
        checks.set(eventType, { schema: text, check })
        return check
      }
    })
  )
}

const wellFormed = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** The faults are those of `nexus.outbox_fault`, whose sentences begin with what they are about. */
const pathOf = (fault: string) => (fault.startsWith("The payload") ? "payload" : "eventType")

/** For a schema that was written into the database by hand. */
const unusable =
  (reason: string): Check =>
  (_, path): ReadonlyArray<Misfit> => [{ path, message: `The event type's JSON Schema can't be used: ${reason}` }]
