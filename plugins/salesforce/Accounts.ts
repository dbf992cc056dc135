/** The company of a contact, which in Salesforce is a record of its own: an account. */
import { Effect, Schema } from "effect"
import { type OutgoingContact, perConnection } from "nexus-integrations/plugin"
import type { SalesforceConnection } from "./Client.ts"
import { type Entry, write } from "./Collections.ts"
import { isOneOf, query, queryable } from "./Soql.ts"

/** The field that stands for the account's name, as the documented mapping has it. Contacts have none of that name. */
export const companyField = "Company"

const Account = Schema.Struct({ Id: Schema.String, Name: Schema.NullOr(Schema.String) })

interface Accounts {
  /** Ids by lower-case name; null where there is no account, or more than one. */
  readonly known: Map<string, string | null>
  /** Whether the user may not see accounts. Nothing more is asked then. */
  isForbidden: boolean
}

const accounts = perConnection((_: SalesforceConnection) =>
  Effect.sync((): Accounts => ({ known: new Map(), isForbidden: false }))
)

const keyOf = (name: string) => name.trim().toLowerCase()

/** The contacts with `AccountId` in the place of the company. Without an account the company is left out. */
export const withAccounts = Effect.fnUntraced(function* (
  connection: SalesforceConnection,
  batch: ReadonlyArray<OutgoingContact>
) {
  // Leads have a company of their own.
  if (connection.settings.object === "Lead") return batch.map((contact): Entry => ({ contact, fields: contact.fields }))
  const state = yield* accounts(connection)
  const { known } = state
  const companies = batch.map(({ fields }) => String(fields[companyField] ?? "").trim())
  const names = new Map(
    companies.flatMap((name) => (name === "" || known.has(keyOf(name)) ? [] : [[keyOf(name), name]]))
  )
  if (names.size > 0 && !state.isForbidden) {
    yield* Effect.catchReason(resolve(connection, known, names), "ProviderError", "Forbidden", ({ missing }) => {
      state.isForbidden = true
      return Effect.logWarning(`Companies are left out: the Salesforce user needs ${missing} (Account)`)
    })
  }
  return batch.map((contact, index): Entry => {
    const { [companyField]: _, ...fields } = contact.fields
    const account = known.get(keyOf(companies[index] ?? ""))
    return { contact, fields: account ? { AccountId: account, ...fields } : fields }
  })
})

/** Looks names up among the accounts, and makes the missing ones if the settings say so. */
const resolve = Effect.fnUntraced(function* (
  connection: SalesforceConnection,
  known: Map<string, string | null>,
  names: ReadonlyMap<string, string>
) {
  for (const some of queryable(Array.from(names.values()), (name) => [name])) {
    const soql = `SELECT Id, Name FROM Account WHERE ${isOneOf("Name", some)}`
    for (const { Id, Name } of yield* query(connection, soql, Account)) {
      const key = keyOf(Name ?? "")
      // Of several accounts with one name none is guessed.
      if (names.has(key)) known.set(key, known.has(key) ? null : Id)
    }
  }
  const missing = Array.from(names).filter(([key]) => !known.has(key))
  const made = connection.settings.createAccounts
    ? yield* write(
        connection,
        "create",
        missing.map(([, Name]) => ({ fields: { Name } })),
        "Account"
      )
    : []
  for (const [index, [key]] of missing.entries()) {
    const outcome = made[index]
    known.set(key, outcome?._tag === "Created" ? outcome.externalId : null)
  }
  const refused = made.filter(({ _tag }) => _tag === "Rejected").length
  if (refused > 0) yield* Effect.logWarning(`Salesforce refused ${refused} new accounts; their contacts have none`)
})
