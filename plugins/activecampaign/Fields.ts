/** The fields of a contact, and how they stand in an import. */
import { Effect, Schema } from "effect"
import { misconfigured, type OutgoingContact, type ProviderField, readJson } from "nexus-integrations/plugin"
import { type ActiveCampaignConnection, request, send } from "./Client.ts"

/** By the names that imports have, but for the job title, which belongs to the contact's place in a company. */
export const mapping = {
  email: "email",
  firstName: "first_name",
  lastName: "last_name",
  phone: "phone",
  company: "customer_acct_name",
  jobTitle: "jobTitle"
}

const standard: ReadonlyArray<ProviderField> = [
  { name: "email", label: "Email", type: "text", required: true },
  { name: "first_name", label: "First name", type: "text", required: false },
  { name: "last_name", label: "Last name", type: "text", required: false },
  { name: "phone", label: "Phone", type: "text", required: false },
  { name: "customer_acct_name", label: "Account", type: "text", required: false },
  { name: "jobTitle", label: "Job title (in the account)", type: "text", required: false }
]

const Custom = Schema.Struct({
  fields: Schema.Array(Schema.Struct({ id: Schema.String, title: Schema.String, type: Schema.NullOr(Schema.String) }))
})

const types: Readonly<Record<string, ProviderField["type"]>> = {
  number: "number",
  date: "date",
  datetime: "date",
  dropdown: "choice",
  radio: "choice",
  checkbox: "choice",
  listbox: "choice"
}

const page = 100

/** The fields that every account has, and the account's own, which are named `field_<id>`: imports take only ids. */
export const describeFields = Effect.fn("ActiveCampaign.describeFields")(function* (
  connection: ActiveCampaignConnection
) {
  const described = Array.from(standard)
  let offset = 0
  for (;;) {
    const query = [
      ["limit", String(page)],
      ["offset", String(offset)]
    ] as const
    const { fields } = yield* readJson(Custom)(
      yield* send(connection, request(connection, "GET", "/fields", { query }))
    )
    for (const { id, title, type } of fields) {
      described.push({ name: `field_${id}`, label: title, type: types[type ?? ""] ?? "text", required: false })
    }
    if (fields.length < page) return described
    offset += page
  }
})

/** A contact as an import takes it. What we don't have is left out. */
export interface Row {
  readonly email: string
  readonly first_name?: string
  readonly last_name?: string
  readonly phone?: string
  readonly customer_acct_name?: string
  readonly tags?: ReadonlyArray<string>
  readonly fields?: ReadonlyArray<{ readonly id: number; readonly value: string }>
}

const plain = new Set(["first_name", "last_name", "phone", "customer_acct_name"])

/** Makes a contact's row. A mapping that aims at a field of no such name is `Misconfigured`. */
export const rowOf = Effect.fnUntraced(function* ({ email, fields, tags }: OutgoingContact) {
  const values: Record<string, string> = {}
  const custom: Array<{ readonly id: number; readonly value: string }> = []
  for (const [name, value] of Object.entries(fields)) {
    const id = /^field_(\d+)$/.exec(name)?.[1]
    if (id !== undefined) custom.push({ id: Number(id), value: String(value) })
    else if (plain.has(name)) values[name] = String(value)
    else if (name !== mapping.email && name !== mapping.jobTitle) {
      return yield* misconfigured(`ActiveCampaign's contacts have no field "${name}": change the field mapping`)
    }
  }
  const row: Row = {
    ...values,
    email,
    ...(tags.length === 0 ? {} : { tags }),
    ...(custom.length === 0 ? {} : { fields: custom })
  }
  return row
})
