/** How lists are read in parts: `limit`, `cursor`, and where the next part is. */
import { Schema } from "effect"
import { HttpApiSchema } from "effect/http-api"

/** How many items a list has when the request does not say. */
export const defaultLimit = 50

export const PageQuery = {
  /** How many items at most, 1 to 200. */
  limit: Schema.optionalKey(
    Schema.Int.check(
      Schema.isBetween({ minimum: 1, maximum: 200 }, { message: "Expected a number of items between 1 and 200" })
    )
  ),
  /** Where the part begins: what the `Link` header of the part before has. */
  cursor: Schema.optionalKey(
    Schema.String.check(
      Schema.isPattern(/^[A-Za-z0-9_.~-]{1,500}$/, { message: "Expected a cursor as in the Link header" })
    )
  )
}

/** A part of a list as a plain array; the header `Link` has the address of the next part, if there is one (RFC 8288). */
export const Paged = <S extends Schema.Top>(item: S) =>
  HttpApiSchema.WithHeaders(Schema.Array(item), { link: Schema.optionalKey(Schema.String) })

/** What a change without a result answers. */
export const Success = Schema.Struct({ success: Schema.Literal(true) })
export const success = Success.make({ success: true })
