import type { UserId } from "./Ids.ts"

/** Who asks for a change, for the audit log. */
export interface Actor {
  /** Whose things are changed. */
  readonly userId: UserId
  /** Who changes them: the same user, or the service that acts for them. */
  readonly actor: string
  /** The network address that the request came from, where there was one. */
  readonly address: string | null
}
