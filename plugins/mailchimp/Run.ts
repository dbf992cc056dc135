import type { OutgoingContact } from "nexus-integrations/plugin"
import type { MailchimpConnection } from "./Client.ts"
import type { Member } from "./Members.ts"

/** What one call of `upsert` works with. */
export interface Run {
  readonly connection: MailchimpConnection
  /** The status of those who are new. */
  readonly status: string
  /** Who is there, by lower-case address. Writers keep it up to date: it may serve the rest of a sync. */
  readonly members: Map<string, Member>
}

/** The values that a contact has for merge fields. */
export const mergeFields = ({ fields }: OutgoingContact): Readonly<Record<string, string | number | boolean>> =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => name !== "email_address"))
