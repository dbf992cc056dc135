/** A contact as SendGrid takes it, or why it would not. */
import { Result } from "effect"
import { Outcome, type OutgoingContact } from "nexus-integrations/plugin"
import { type CustomField, ownFields } from "./Fields.ts"

/** What is sent of a contact, by the names that SendGrid reads it back with. */
export interface Values {
  readonly own: Readonly<Record<string, string>>
  readonly custom: Readonly<Record<string, string | number>>
}

/** A contact's values with the email and, where a field is to hold them, the tags. */
export const fieldsOf = (contact: OutgoingContact, tags: "none" | "field"): OutgoingContact["fields"] => ({
  ...contact.fields,
  ...(tags === "field" && contact.tags.length > 0 ? { tags: contact.tags.join(", ") } : {}),
  email: contact.email
})

/** The names among a contact's fields that are custom ones. */
export const customNames = (fields: OutgoingContact["fields"]): ReadonlyArray<string> =>
  Object.keys(fields).filter((name) => !ownFields.has(name))

/**
 * Sorts a contact's values. What SendGrid is known to refuse is an `Outcome.Rejected` here, because it would refuse the
 * whole call of thousands for it.
 */
export const valuesOf = (
  fields: OutgoingContact["fields"],
  customFields: ReadonlyMap<string, CustomField>
): Result.Result<Values, Outcome> => {
  const own: Record<string, string> = {}
  const custom: Record<string, string | number> = {}
  for (const [name, value] of Object.entries(fields)) {
    const about = ownFields.get(name)
    if (about !== undefined) {
      const text = String(value)
      if (about.maxLength !== undefined && text.length > about.maxLength) {
        return refused(name, `SendGrid takes at most ${about.maxLength} characters for ${about.label.toLowerCase()}`)
      }
      own[name] = text
      continue
    }
    const type = customFields.get(name.toLowerCase())?.field_type
    const typed = type === "Number" ? numberOf(value) : type === "Date" ? dateOf(value) : String(value)
    if (typed === undefined) return refused(name, `The SendGrid field ${name} takes a ${type?.toLowerCase()}`)
    custom[name.toLowerCase()] = typed
  }
  if (!isAddress(own.email ?? "")) return refused("email", "The email address is not one that SendGrid takes")
  return Result.succeed({ own, custom })
}

const refused = (field: string, reason: string) => Result.fail(Outcome.Rejected({ reason, field, retryable: false }))

const numberOf = (value: string | number | boolean): number | undefined => {
  const number = typeof value === "string" && value.trim() === "" ? Number.NaN : Number(value)
  return Number.isFinite(number) ? number : undefined
}

/** Dates are MM/DD/YYYY there. */
const dateOf = (value: string | number | boolean): string | undefined => {
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)/.exec(String(value)) ?? []
  if (year !== undefined) return `${month}/${day}/${year}`
  return /^\d\d\/\d\d\/\d{4}$/.test(String(value)) ? String(value) : undefined
}

const atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
const label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
const address = new RegExp(`^${atom}(?:\\.${atom})*@(?:${label}\\.)+${label}$`)

/** The plain form of RFC 5321 addresses: dot-separated atoms of at most 64 characters, and a domain with a dot. */
export const isAddress = (email: string): boolean =>
  email.length <= 254 && email.indexOf("@") <= 64 && address.test(email)
