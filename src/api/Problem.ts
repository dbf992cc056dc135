/** What every error looks like on the wire: a problem (RFC 9457). */
import { Effect, Schema, SchemaGetter } from "effect"
import { HttpApiSchema } from "effect/http-api"

/** One thing that is wrong with a request: where (`url`, `events.0`), and what, as a sentence. */
export const FieldProblem = Schema.Struct({ path: Schema.String, message: Schema.String })
export type FieldProblem = typeof FieldProblem.Type

/** The members that every problem has. An error's own fields stand beside them (RFC 9457, section 3.2). */
export const Problem = Schema.Struct({
  /** Names the kind of error; compare this, not the texts. */
  type: Schema.String,
  /** The kind of error in words, the same every time. */
  title: Schema.String,
  /** The HTTP status. */
  status: Schema.Int,
  /** What happened, to what, and what to do. */
  detail: Schema.String,
  /** Every part of the request that is wrong, where that is what happened. */
  errors: Schema.optionalKey(Schema.Array(FieldProblem))
})
export type Problem = typeof Problem.Type

export const problemContentType = "application/problem+json"

/** `WebhookNotFound` is `urn:nexus:problem:webhook-not-found`. */
const problemType = (tag: string) => `urn:nexus:problem:${words(tag).join("-").toLowerCase()}`

/** `WebhookNotFound` is `Webhook not found`. */
const problemTitle = (tag: string) => {
  const [first = "", ...rest] = words(tag)
  return [first.charAt(0).toUpperCase() + first.slice(1), ...rest].join(" ")
}

/** OAuth is one word, and spelt so. */
const words = (tag: string) =>
  tag.split(/(?<!O(?=Auth))(?=[A-Z])/).map((word) => (word === "OAuth" ? word : word.toLowerCase()))

/** An error class that can go out as a problem. */
interface Failure {
  readonly _tag: string
  readonly message: string
}

/**
 * How an error class goes over the wire: as a problem whose type and title are made of its tag and whose detail is its
 * message, with its fields beside them. A typed client gets the error back.
 */
export const asProblem =
  <const Tag extends string, const Status extends number>(tag: Tag, status: Status) =>
  <S extends Schema.Codec<Failure & { readonly _tag: Tag }, { readonly _tag: Tag }>>(error: S) => {
    const encode = Schema.encodeEffect(error)
    const decode = Schema.decodeUnknownEffect(error)
    const wire = Schema.StructWithRest(
      Schema.Struct({
        ...Problem.fields,
        type: Schema.Literal(problemType(tag)),
        title: Schema.Literal(problemTitle(tag)),
        status: Schema.Literal(status)
      }),
      [Schema.Record(Schema.String, Schema.Unknown)]
    )
    return wire.pipe(
      Schema.decodeTo(Schema.toType(error), {
        decode: SchemaGetter.transformEffect(({ type: _, title, status, detail, ...fields }) =>
          decode({ ...fields, _tag: tag }).pipe(Effect.mapError(({ issue }) => issue))
        ),
        encode: SchemaGetter.transformEffect((failure) =>
          encode(failure).pipe(
            Effect.map(({ _tag, ...fields }) => ({
              type: problemType(tag),
              title: problemTitle(tag),
              status,
              detail: failure.message,
              ...fields
            })),
            Effect.mapError(({ issue }) => issue)
          )
        )
      }),
      HttpApiSchema.status(status),
      HttpApiSchema.asJson({ contentType: problemContentType })
    )
  }
