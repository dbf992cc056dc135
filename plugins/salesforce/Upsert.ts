import { Effect } from "effect"
import { misconfigured, Outcome, type OutgoingContact } from "nexus-integrations/plugin"
import { withAccounts } from "./Accounts.ts"
import type { SalesforceConnection } from "./Client.ts"
import { type Entry, write } from "./Collections.ts"
import { type Found, find } from "./Find.ts"

/** Upserts by the external id field where the settings name one, and by looking up the email otherwise. */
export const upsert = Effect.fn("Salesforce.upsert")(function* (
  connection: SalesforceConnection,
  batch: ReadonlyArray<OutgoingContact>
) {
  // Names go into queries, where only a name may stand.
  const odd = batch.flatMap(({ fields }) => Object.keys(fields)).find((name) => !/^[A-Za-z]\w*$/.test(name))
  if (odd !== undefined) return yield* misconfigured(`The mapping names "${odd}", which can't be a field of Salesforce`)
  const entries = yield* withAccounts(connection, batch)
  const { externalIdField } = connection.settings
  return externalIdField === undefined
    ? yield* byQuery(connection, entries.map(withEmail))
    : yield* byExternalId(connection, entries, externalIdField)
})

/** Records are found again by `Email`, so that is what it has to hold, whatever the mapping says. */
const withEmail = (entry: Entry): Entry => {
  const { email, fields } = { email: entry.contact.email, fields: entry.fields }
  const mapped = String(fields.Email ?? "")
  return { ...entry, fields: { ...fields, Email: mapped.toLowerCase() === email ? mapped : email } }
}

const withLastName = ({ contact, fields }: Entry): Entry => ({
  contact,
  fields: { LastName: contact.email.split("@")[0] ?? contact.email, ...fields }
})

/** One call, and a second one for new contacts that need a last name made up. */
const byExternalId = Effect.fnUntraced(function* (
  connection: SalesforceConnection,
  entries: ReadonlyArray<Entry>,
  externalIdField: string
) {
  const keyed = entries.map(
    ({ contact, fields }): Entry => ({ contact, fields: { ...fields, [externalIdField]: contact.email } })
  )
  const outcomes = yield* write(connection, "upsert", keyed)
  if (!connection.settings.lastNameFromEmail) return outcomes
  // Only a record that is new is refused for that; one that is there keeps the last name that it has.
  const nameless = keyed.filter(({ fields }, index) => {
    const outcome = outcomes[index]
    return fields.LastName === undefined && outcome?._tag === "Rejected" && outcome.field === "LastName"
  })
  const again = yield* write(connection, "upsert", nameless.map(withLastName))
  const named = new Map(nameless.map(({ contact }, index) => [contact.id, again[index]] as const))
  return outcomes.map((outcome, index) => named.get(keyed[index]?.contact.id ?? "") ?? outcome)
})

/** Looks records up by email, then creates those that are missing and updates what differs, by Salesforce's id. */
const byQuery = Effect.fnUntraced(function* (connection: SalesforceConnection, entries: ReadonlyArray<Entry>) {
  const found = yield* find(connection, entries)
  const created: Array<Entry> = []
  const updated: Array<Entry> = []
  const settled = new Map<string, Outcome>()
  entries.forEach((entry, index) => {
    const [record, ...others] = found[index] ?? []
    const { contact, fields } = entry
    if (record === undefined) {
      created.push(connection.settings.lastNameFromEmail ? withLastName(entry) : entry)
    } else if (others.length > 0) {
      const reason = `Salesforce has ${others.length + 1} records with this email; merge them, then sync again`
      settled.set(contact.id, Outcome.Rejected({ reason, field: "Email", retryable: true }))
    } else if (record.IsConverted === true) {
      const reason = "The lead with this email was converted to a contact, and can't be changed any more"
      settled.set(contact.id, Outcome.Rejected({ reason, retryable: false }))
    } else {
      const id = String(record.Id)
      const different = Object.entries(fields).filter(([name, value]) => !sameValue(name, record, value))
      if (different.length === 0) settled.set(contact.id, Outcome.Unchanged({ externalId: id }))
      else updated.push({ contact, id, fields: Object.fromEntries(different) })
    }
  })
  const outcomes = [...(yield* write(connection, "create", created)), ...(yield* write(connection, "update", updated))]
  const written = [...created, ...updated]
  written.forEach(({ contact }, index) => {
    const outcome = outcomes[index]
    if (outcome !== undefined) settled.set(contact.id, outcome)
  })
  return entries.flatMap(({ contact }) => settled.get(contact.id) ?? [])
})

/** Salesforce trims texts, and an address is the same in any case. */
const sameValue = (name: string, record: Found, value: string | number | boolean): boolean => {
  const there = String(record[name] ?? "")
  const here = String(value).trim()
  return name === "Email" ? there.toLowerCase() === here.toLowerCase() : there === here
}
