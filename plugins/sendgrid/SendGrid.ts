/** SendGrid's marketing contacts, over v3. `README.md` in this folder has the permissions, limits and quirks. */
import { Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { type Account, forbidden, type ProviderDefinition, plugin, readJson } from "nexus-integrations/plugin"
import { api, credentials, type SendGridConnection, send, settings } from "./Client.ts"
import { describeFields } from "./Fields.ts"
import { limits } from "./Limits.ts"
import { listOf } from "./List.ts"
import { poll } from "./Poll.ts"
import { remove } from "./Remove.ts"
import { upsert } from "./Upsert.ts"

const Scopes = Schema.Struct({ scopes: Schema.Array(Schema.String) })

const verify = Effect.fn("SendGrid.verify")(function* (connection: SendGridConnection) {
  const answer = yield* send(connection, HttpClientRequest.get(`${api}/v3/scopes`))
  const { scopes } = yield* readJson(Scopes)(answer)
  if (!scopes.some((scope) => /^marketing\b/.test(scope))) {
    return yield* forbidden("The API key may not use Marketing", "full access to Marketing for the API key")
  }
  const { id, name } = yield* listOf(connection)
  yield* describeFields(connection)
  // No call with these scopes names the account; the list's id is as good, and another list gets everything anew.
  return { id, label: `SendGrid: ${name}` } satisfies Account
})

const definition: ProviderDefinition<typeof credentials.Type, typeof settings.Type> = {
  id: "SENDGRID",
  name: "SendGrid",
  category: "email",
  description: "Keeps a list of SendGrid's marketing contacts in step with yours.",
  documentation: "https://www.twilio.com/docs/sendgrid/api-reference/contacts",
  logo: { monogram: "SG", color: "#1a82e2" },
  contract: 1,
  hosts: { api },
  credentials,
  settings,
  limits,
  verify,
  contacts: {
    // SendGrid asks for few large jobs and takes 30,000; this many have their answers by search in 50 calls.
    batchSize: 5000,
    mapping: {
      email: "email",
      firstName: "first_name",
      lastName: "last_name",
      phone: "phone",
      company: "company",
      jobTitle: "job_title"
    },
    describeFields,
    upsert,
    poll,
    remove
  }
}

export const SendGridPlugin = plugin(definition)
