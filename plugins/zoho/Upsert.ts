import { Effect } from "effect"
import { HttpClientRequest } from "effect/http"
import { byHalves, type OutgoingContact } from "nexus-integrations/plugin"
import { withAccounts, type ZohoRecord } from "./Accounts.ts"
import { resource, type ZohoConnection } from "./Client.ts"
import { itemsOf, outcomeOf } from "./Records.ts"

interface Entry {
  readonly contact: OutgoingContact
  readonly record: ZohoRecord
}

/** Upserts by email. A second call follows for new contacts that need a last name made up. */
export const upsert = Effect.fn("Zoho.upsert")(function* (
  connection: ZohoConnection,
  batch: ReadonlyArray<OutgoingContact>
) {
  const records = yield* withAccounts(connection, batch)
  const entries = batch.map((contact, index): Entry => ({ contact, record: withEmail(contact, records[index] ?? {}) }))
  const outcomes = yield* write(connection, entries)
  if (!connection.settings.lastNameFromEmail) return outcomes
  // Only a record that is new is refused for that; one that is there keeps the last name that it has.
  const nameless = entries.filter(({ record }, index) => {
    const outcome = outcomes[index]
    return record.Last_Name === undefined && outcome?._tag === "Rejected" && outcome.field === "Last_Name"
  })
  const again = yield* write(connection, nameless.map(withLastName))
  const named = new Map(nameless.map(({ contact }, index) => [contact.id, again[index]] as const))
  return outcomes.map((outcome, index) => named.get(batch[index]?.id ?? "") ?? outcome)
})

/** Records are told apart by `Email`, so that is what it has to hold, whatever the mapping says. */
const withEmail = ({ email }: OutgoingContact, record: ZohoRecord): ZohoRecord => {
  const mapped = String(record.Email ?? "")
  return { ...record, Email: mapped.toLowerCase() === email ? mapped : email }
}

const withLastName = ({ contact, record }: Entry): Entry => ({
  contact,
  record: { ...record, Last_Name: contact.email.split("@")[0] ?? contact.email }
})

const write = (connection: ZohoConnection, entries: ReadonlyArray<Entry>) =>
  byHalves(
    entries,
    Effect.fnUntraced(function* (some: ReadonlyArray<Entry>) {
      const request = HttpClientRequest.post(resource(connection, "/Contacts/upsert")).pipe(
        HttpClientRequest.bodyJsonUnsafe({
          data: some.map(({ record }) => record),
          duplicate_check_fields: ["Email"],
          // Left out, it would run all of them.
          trigger: connection.settings.trigger
        })
      )
      const items = yield* itemsOf(connection, request, some.length, "ZohoCRM.modules.contacts.ALL")
      return items.map(outcomeOf)
    })
  )
