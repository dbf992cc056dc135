/** A part of a list, the newest first. */
export interface Page<A> {
  readonly items: ReadonlyArray<A>
  /** Where the next part begins: hand it back as the cursor. Null at the end. */
  readonly next: string | null
}

/** Which part of a list: at most `limit` items, from where the page before ended. */
export interface PageRequest {
  readonly limit: number
  readonly cursor: string | null
}
