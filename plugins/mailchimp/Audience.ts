import { Effect, Schema } from "effect"
import { misconfigured, perConnection, readJson } from "nexus-integrations/plugin"
import { audiencePath, type MailchimpConnection, send } from "./Client.ts"

const List = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  double_optin: Schema.optionalKey(Schema.Boolean),
  stats: Schema.optionalKey(Schema.Struct({ total_contacts: Schema.optionalKey(Schema.Finite) }))
})

/** The audience that contacts go to. */
export interface Audience {
  readonly name: string
  /** Whether Mailchimp asks new people by email whether they agree. */
  readonly doubleOptIn: boolean
  /** About how many contacts it has, those who left and the archived included. */
  readonly size: number | undefined
}

/** Reads the audience, once for each run. One that is not there is `Misconfigured`. */
export const audienceOf = perConnection(
  Effect.fn("Mailchimp.audienceOf")(function* (connection: MailchimpConnection) {
    const answer = yield* send(connection, "GET", audiencePath(connection), {
      query: { fields: "id,name,double_optin,stats.total_contacts", include_total_contacts: "true" }
    }).pipe(
      Effect.catchReason("ProviderError", "Misconfigured", () =>
        Effect.fail(
          misconfigured(`The account has no audience ${connection.credentials.audienceId}: check the audience ID`)
        )
      )
    )
    const { name, double_optin = false, stats } = yield* readJson(List)(answer)
    return { name, doubleOptIn: double_optin, size: stats?.total_contacts } satisfies Audience
  })
)
