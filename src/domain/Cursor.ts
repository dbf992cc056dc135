/** Opaque cursors of lists that are ordered by id: the id of the last item, in a form that nobody takes for one. */
import { Result } from "effect"
import { Base64Url } from "effect/encoding"
import type { Page } from "./Page.ts"

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Whether a text is an id; another one belongs to nothing. */
export const isId = (text: string) => uuid.test(text)

/** The id that a cursor stands for; a cursor that was not made here stands for the beginning. */
export const idOfCursor = (cursor: string | null): string | null => {
  const id = cursor === null ? "" : Result.getOrElse(Base64Url.decodeString(cursor), () => "")
  return isId(id) ? id : null
}

/** A page of up to `limit` of the items; one more than that means that there is another page. */
export const pageOf = <A extends { readonly id: string }>(items: ReadonlyArray<A>, limit: number): Page<A> => {
  const shown = items.slice(0, limit)
  const last = shown.at(-1)
  return { items: shown, next: items.length > limit && last !== undefined ? Base64Url.encode(last.id) : null }
}
