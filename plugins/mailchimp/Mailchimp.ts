/** Mailchimp's audiences, over the Marketing API 3.0. `README.md` in this folder has the strategy, limits and quirks. */
import { Effect, Schema } from "effect"
import { type Account, type ProviderDefinition, plugin, readJson } from "nexus-integrations/plugin"
import { audienceOf } from "./Audience.ts"
import { credentials, hosts, type MailchimpConnection, send, settings } from "./Client.ts"
import { describeFields } from "./Fields.ts"
import { limits } from "./Limits.ts"
import { remove } from "./Remove.ts"
import { upsert } from "./Upsert.ts"

const Root = Schema.Struct({ account_id: Schema.String, account_name: Schema.optionalKey(Schema.String) })

const verify = Effect.fn("Mailchimp.verify")(function* (connection: MailchimpConnection) {
  const answer = yield* send(connection, "GET", "/", { query: { fields: "account_id,account_name" } })
  const { account_id, account_name } = yield* readJson(Root)(answer)
  const audience = yield* audienceOf(connection)
  return {
    // What was sent to one audience was not sent to another of the same account.
    id: `${account_id}/${connection.credentials.audienceId}`,
    label: `${account_name || "Mailchimp"}: ${audience.name}`
  } satisfies Account
})

const definition: ProviderDefinition<typeof credentials.Type, typeof settings.Type> = {
  id: "MAILCHIMP",
  name: "Mailchimp",
  category: "email",
  description: "Keeps an audience of Mailchimp in step with your contacts, and never signs anyone up again who left.",
  documentation: "https://mailchimp.com/developer/marketing/api/",
  logo: { monogram: "MC", color: "#ffe01b" },
  contract: 1,
  hosts,
  credentials,
  settings,
  limits,
  verify,
  contacts: {
    batchSize: 500,
    mapping: {
      email: "email_address",
      firstName: "FNAME",
      lastName: "LNAME",
      phone: "PHONE",
      company: "COMPANY",
      jobTitle: "JOBTITLE"
    },
    describeFields,
    upsert,
    remove
  }
}

export const MailchimpPlugin = plugin(definition)
