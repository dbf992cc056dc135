/** What every call to Salesforce needs: the credentials, the settings, and requests with them. */
import { Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { type Connection, text, tokenFields } from "nexus-integrations/plugin"
import { readFailure } from "./Failure.ts"

/** Every org has a host of its own below these. */
export const instances = ["https://*.salesforce.com", "https://*.force.com"] as const

/** Not the pages' hosts, which have no API, nor those that only sign people in. */
const instanceUrl =
  /^https:\/\/(?!(?:login|test|www)\.salesforce\.com)(?![^/]*\.lightning\.force\.com)(?:[a-z0-9-]+\.)+(?:sales)?force\.com\/?$/i

export const credentials = Schema.Struct({
  ...tokenFields({
    title: "Access token",
    description: "An OAuth access token with the scope api, of a user who may edit contacts.",
    example: "00D000000000001!AQ0AQ.example.of.an.access.token"
  }),
  instanceUrl: text(
    {
      title: "Instance URL",
      description:
        "The address of your org, instance_url in the answer that brought the token. Setup, My Domain has it.",
      example: "https://acme.my.salesforce.com"
    },
    {
      pattern: instanceUrl,
      message:
        "Expected the https address of your org without a path, such as https://acme.my.salesforce.com (not the one of its Lightning pages or of the login page)"
    }
  )
})

export const settings = Schema.Struct({
  apiVersion: Schema.String.check(
    Schema.isPattern(/^(?:[6-9]\d|1\d\d)\.0$/, { message: "Expected a version from 60.0 on, such as 66.0" })
  )
    .annotate({
      title: "API version",
      description: "The version of Salesforce's API. Every org has all of them up to that of its release."
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("66.0"))),
  object: Schema.Literals(["Contact", "Lead"])
    .annotate({ title: "Object", description: "What contacts become in Salesforce. Leads need a company." })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("Contact" as const))),
  externalIdField: Schema.optionalKey(
    Schema.String.check(
      Schema.isPattern(/^[A-Za-z][A-Za-z0-9_]*__c$/, {
        message: "Expected the API name of a custom field, such as Nexus_Email__c"
      })
    ).annotate({
      title: "External id field",
      description:
        "A custom field, External ID and Unique, that holds the email. Without it records are looked up by Email first."
    })
  ),
  createAccounts: Schema.Boolean.annotate({
    title: "Create accounts",
    description: "Whether a company that has no account yet gets one. Otherwise such a contact has no account."
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed(false))),
  lastNameFromEmail: Schema.Boolean.annotate({
    title: "Last name from email",
    description:
      "Whether a new contact without a last name gets the part of its email before the @. Otherwise it is refused."
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed(false))),
  allowDuplicates: Schema.Boolean.annotate({
    title: "Allow duplicates",
    description: "Whether records are saved although a duplicate rule of the org raises an alert."
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed(false)))
})

export type SalesforceConnection = Connection<typeof credentials.Type, typeof settings.Type>

/** The origin of the org. */
export const instanceOf = ({ credentials }: SalesforceConnection): string => new URL(credentials.instanceUrl).origin

/** The URL of a resource of the API, such as `/limits`. */
export const resource = (connection: SalesforceConnection, path: string): string =>
  `${instanceOf(connection)}/services/data/v${connection.settings.apiVersion}${path}`

/** Sends a request with the token, and fails on any answer but a success. */
export const send = Effect.fnUntraced(function* (
  { credentials, http }: SalesforceConnection,
  request: HttpClientRequest.HttpClientRequest
) {
  const answer = yield* http.execute(HttpClientRequest.bearerToken(request, credentials.accessToken))
  if (answer.status >= 300) return yield* Effect.flatMap(readFailure(answer), Effect.fail)
  return answer
})
