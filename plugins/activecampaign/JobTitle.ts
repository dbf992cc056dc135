/** A job title belongs to a contact's association with an account, of which a contact has at most one. */
import { Effect, Schema } from "effect"
import { Outcome, type OutgoingContact, readJson } from "nexus-integrations/plugin"
import { type ActiveCampaignConnection, request, send } from "./Client.ts"
import { mapping } from "./Fields.ts"

const Associations = Schema.Struct({
  accountContacts: Schema.Array(Schema.Struct({ id: Schema.String, jobTitle: Schema.NullOr(Schema.String) }))
})

const Accounts = Schema.Struct({ accounts: Schema.Array(Schema.Struct({ id: Schema.String, name: Schema.String })) })

/** Associates a contact with its company's account, if that is there. The import has done so for most. */
const associate = Effect.fnUntraced(function* (
  connection: ActiveCampaignConnection,
  contact: string,
  company: string,
  jobTitle: string
) {
  const query = [
    ["search", company],
    ["limit", "100"]
  ] as const
  const found = yield* send(connection, request(connection, "GET", "/accounts", { query }))
  const { accounts } = yield* readJson(Accounts)(found)
  const account = accounts.find(({ name }) => name.toLowerCase() === company.toLowerCase())
  if (account === undefined) return
  const body = { accountContact: { contact: Number(contact), account: Number(account.id), jobTitle } }
  yield* send(connection, request(connection, "POST", "/accountContacts", { body }))
})

/** Writes a title; false if the association went meanwhile. */
const write = Effect.fnUntraced(function* (
  connection: ActiveCampaignConnection,
  id: string,
  jobTitle: string,
  company: string | undefined
) {
  const asked = request(connection, "GET", "/accountContacts", { query: [["filters[contact]", id]] })
  const { accountContacts } = yield* readJson(Associations)(yield* send(connection, asked))
  const [association] = accountContacts
  if (association === undefined) {
    if (company !== undefined) yield* associate(connection, id, company, jobTitle)
    return true
  }
  if (association.jobTitle === jobTitle) return true
  const body = { accountContact: { jobTitle } }
  const path = `/accountContacts/${association.id}`
  const { status } = yield* send(connection, request(connection, "PUT", path, { body }), [404])
  return status !== 404
})

/** Writes a contact's job title, if it has one, and gives the outcome: `there`, or what the title's is. */
export const writeTitle = (
  connection: ActiveCampaignConnection,
  id: string,
  { fields }: OutgoingContact,
  there: Outcome
) => {
  const title = fields[mapping.jobTitle]
  const company = fields[mapping.company]
  if (title === undefined) return Effect.succeed(there)
  return write(connection, id, String(title), company === undefined ? undefined : String(company)).pipe(
    Effect.map((isWritten) => (isWritten ? there : Outcome.Unconfirmed())),
    Effect.catchReason("ProviderError", "Rejected", (_, { detail }) =>
      Effect.succeed(
        Outcome.Rejected({
          reason: `ActiveCampaign refuses the job title: ${detail}`,
          field: mapping.jobTitle,
          retryable: false
        })
      )
    )
  )
}
