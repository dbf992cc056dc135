/** Which values of a contact go where at a provider. */
import { createHash } from "node:crypto"
import type { FieldMapping, Settings } from "../domain/Integration.ts"
import type { OutgoingContact, Provider } from "../plugin/Provider.ts"

/** A contact as the sync reads it. */
export interface SourceContact {
  readonly id: string
  readonly email: string
  readonly firstName: string | null
  readonly lastName: string | null
  readonly phone: string | null
  readonly company: string | null
  readonly jobTitle: string | null
  readonly cardId: string | null
  readonly tags: ReadonlyArray<string>
  readonly customFields: Readonly<Record<string, unknown>>
}

/**
 * The mapping of an integration: its own, or the provider's default. The email goes where the provider has it in any
 * case: contacts are matched by it.
 */
export const mappingOf = ({ contacts }: Pick<Provider, "contacts">, settings: Settings): FieldMapping => {
  const usual: FieldMapping = { ...contacts?.mapping }
  const { fieldMapping } = settings
  if (typeof fieldMapping !== "object" || fieldMapping === null) return usual
  const own = Object.entries(fieldMapping).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string" && entry[1] !== usual.email
  )
  return { ...Object.fromEntries(own), ...(usual.email === undefined ? {} : { email: usual.email }) }
}

/** A contact as it goes out: the fields of the mapping that have a value. */
export const outgoing = (contact: SourceContact, mapping: FieldMapping, externalId: string | null): OutgoingContact => {
  const fields = Object.entries(mapping).flatMap(([from, to]) => {
    const value = sourceValue(contact, from)
    return value === undefined ? [] : [[to, value] as const]
  })
  const email = contact.email.trim().toLowerCase()
  return { id: contact.id, email, fields: Object.fromEntries(fields), tags: contact.tags, externalId }
}

const sourceValue = (contact: SourceContact, from: string): string | number | boolean | undefined => {
  const value = from.startsWith("customFields.")
    ? contact.customFields[from.slice("customFields.".length)]
    : standard(contact).get(from)
  if (typeof value === "string") return value.trim() === "" ? undefined : value.trim()
  return typeof value === "number" || typeof value === "boolean" ? value : undefined
}

const standard = (contact: SourceContact): ReadonlyMap<string, string | null> =>
  new Map([
    ["email", contact.email.toLowerCase()],
    ["firstName", contact.firstName],
    ["lastName", contact.lastName],
    ["phone", contact.phone],
    ["company", contact.company],
    ["jobTitle", contact.jobTitle],
    ["cardId", contact.cardId]
  ])

/**
 * What a contact would be sent as, in short: with the same hash there is nothing to send. The provider's own settings
 * are part of it, because they decide what it is sent as too.
 */
export const hashOf = ({ email, fields, tags }: OutgoingContact, ownSettings: Settings): string =>
  createHash("sha256")
    .update(JSON.stringify([email, sorted(fields), [...tags].sort(), sorted(ownSettings)]))
    .digest("base64url")

const sorted = (values: Readonly<Record<string, unknown>>) =>
  Object.entries(values).sort(([one], [other]) => (one < other ? -1 : 1))
