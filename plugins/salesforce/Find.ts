import { Effect, Schema } from "effect"
import type { OutgoingContact } from "nexus-integrations/plugin"
import type { SalesforceConnection } from "./Client.ts"
import type { Entry } from "./Collections.ts"
import { isOneOf, query, queryable } from "./Soql.ts"

const Found = Schema.Record(Schema.String, Schema.Unknown)

/** A record that is there, with the fields that were asked for. */
export type Found = typeof Found.Type

/** Ids of contacts and leads begin with these. */
const prefixes = { Contact: "003", Lead: "00Q" } as const

/**
 * The records that are there for each contact, in order: those with its email, or else the one that an earlier outcome
 * named, whose email has changed since. Of several with the email, the one that an earlier outcome named comes alone.
 */
export const find = Effect.fnUntraced(function* (connection: SalesforceConnection, entries: ReadonlyArray<Entry>) {
  const { object } = connection.settings
  const idOf = ({ externalId }: OutgoingContact) =>
    externalId !== null && /^\w{15}(?:\w{3})?$/.test(externalId) && externalId.startsWith(prefixes[object])
      ? [externalId]
      : []
  const names = new Set([
    "Id",
    "Email",
    ...(object === "Lead" ? ["IsConverted"] : []),
    ...entries.flatMap(({ fields }) => Object.keys(fields))
  ])
  const records: Array<Found> = []
  for (const some of queryable(entries, ({ contact }) => [contact.email, ...idOf(contact)])) {
    const emails = some.map(({ contact }) => contact.email)
    const ids = some.flatMap(({ contact }) => idOf(contact))
    const known = ids.length === 0 ? "" : ` OR ${isOneOf("Id", ids)}`
    const soql = `SELECT ${Array.from(names).join(", ")} FROM ${object} WHERE ${isOneOf("Email", emails)}${known}`
    records.push(...(yield* query(connection, soql, Found)))
  }
  const byId = new Map(records.map((record) => [record.Id, record]))
  const byEmail = Map.groupBy(byId.values(), ({ Email }) => String(Email).toLowerCase())
  return entries.map(({ contact }): ReadonlyArray<Found> => {
    const matches = byEmail.get(contact.email) ?? []
    const known = byId.get(contact.externalId ?? "")
    if (known !== undefined && matches.length === 0) return [known]
    // A lead that was converted can't be edited; one that is still open counts for more.
    const open = matches.filter(({ IsConverted }) => IsConverted !== true)
    if (known !== undefined && open.includes(known)) return [known]
    return open.length > 0 ? open : matches.slice(0, 1)
  })
})
