import { Context } from "effect"

/** What becomes known about a request on its way, for the line in the log that it leaves. */
export interface Notes {
  /** The pattern of its path; undefined when there is none. */
  route?: string | undefined
  userId?: string | undefined
}

/** The notes of the current request. */
export const RequestNotes = Context.Reference<Notes>("nexus/http/RequestNotes", { defaultValue: () => ({}) })
