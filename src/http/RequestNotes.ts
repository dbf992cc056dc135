import { Context } from "effect"
import type {
  Forbidden,
  InvalidRequest,
  TokensUncheckable,
  TooManyRequests,
  Unauthenticated
} from "../api/RequestErrors.ts"

/** Why nobody is known to make a request. */
export type Refusal = InvalidRequest | Unauthenticated | Forbidden | TooManyRequests | TokensUncheckable

/** What becomes known about a request on its way, for the line in the log that it leaves. */
export interface Notes {
  /** The pattern of its path; undefined when there is none. */
  route?: string | undefined
  userId?: string | undefined
  /** Why its token is refused, or the lack of one. A session is no way around that. */
  refusal?: Refusal | undefined
}

/** The notes of the current request. */
export const RequestNotes = Context.Reference<Notes>("nexus/http/RequestNotes", { defaultValue: () => ({}) })
