/** The company of a contact, which in Zoho CRM is a record of its own: an account, which `Account_Name` points to. */
import { Effect } from "effect"
import { HttpClientRequest } from "effect/http"
import { byHalves, type OutgoingContact, perConnection } from "nexus-integrations/plugin"
import { resource, type ZohoConnection } from "./Client.ts"
import { itemsOf, outcomeOf } from "./Records.ts"

/** A record as it is sent: a lookup is the id of what it points to. */
export type ZohoRecord = Readonly<Record<string, string | number | boolean | { readonly id: string }>>

interface Accounts {
  /** Ids by lower-case name; null where Zoho refused the name. */
  readonly known: Map<string, string | null>
  /** Whether the token may not touch accounts. Nothing more is asked then. */
  isForbidden: boolean
}

const accounts = perConnection((_: ZohoConnection) =>
  Effect.sync((): Accounts => ({ known: new Map(), isForbidden: false }))
)

const keyOf = (name: string) => name.trim().toLowerCase()

/** The contacts' fields with the account's id in the place of the company. Without an account it is left out. */
export const withAccounts = Effect.fnUntraced(function* (
  connection: ZohoConnection,
  batch: ReadonlyArray<OutgoingContact>
) {
  const { known } = yield* prepare(connection, batch)
  return batch.map(({ fields: { Account_Name = "", ...fields } }): ZohoRecord => {
    const id = known.get(keyOf(String(Account_Name)))
    return id ? { ...fields, Account_Name: { id } } : fields
  })
})

const prepare = Effect.fnUntraced(function* (connection: ZohoConnection, batch: ReadonlyArray<OutgoingContact>) {
  const state = yield* accounts(connection)
  const names = new Map(
    batch.flatMap(({ fields: { Account_Name } }) => {
      const name = String(Account_Name ?? "").trim()
      return name === "" || state.known.has(keyOf(name)) ? [] : [[keyOf(name), name]]
    })
  )
  if (names.size === 0 || state.isForbidden) return state
  return yield* save(connection, state, names).pipe(
    Effect.catchReason("ProviderError", "Forbidden", ({ missing }) => {
      state.isForbidden = true
      return Effect.as(Effect.logWarning(`Companies are left out: the Zoho CRM token needs ${missing}`), state)
    })
  )
})

/** Finds or makes an account for each name; Zoho tells accounts apart by `Account_Name`. */
const save = Effect.fnUntraced(function* (connection: ZohoConnection, state: Accounts, names: Map<string, string>) {
  const outcomes = yield* byHalves(
    Array.from(names.values()),
    Effect.fnUntraced(function* (some: ReadonlyArray<string>) {
      const request = HttpClientRequest.post(resource(connection, "/Accounts/upsert")).pipe(
        HttpClientRequest.bodyJsonUnsafe({
          data: some.map((Account_Name) => ({ Account_Name })),
          duplicate_check_fields: ["Account_Name"],
          trigger: connection.settings.trigger
        })
      )
      return (yield* itemsOf(connection, request, some.length, "ZohoCRM.modules.accounts.ALL")).map(outcomeOf)
    })
  )
  for (const [index, key] of Array.from(names.keys()).entries()) {
    const outcome = outcomes[index]
    state.known.set(key, outcome !== undefined && "externalId" in outcome ? outcome.externalId : null)
  }
  const refused = outcomes.filter(({ _tag }) => _tag === "Rejected").length
  if (refused > 0) yield* Effect.logWarning(`Zoho CRM refused ${refused} accounts; their contacts have none`)
  return state
})
