/** What every call to Zoho CRM needs: the credentials, the settings, and requests with them. */
import { Effect, Redacted, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { type Connection, text, tokenFields } from "nexus-integrations/plugin"
import { readFailure } from "./Failure.ts"

const dataCentres = ["com", "eu", "in", "com.au", "jp", "com.cn", "ca", "sa", "uk"]

/** Every host of the API: of each data centre the one for work, and those of sandboxes and developer accounts. */
export const apiDomains = ["www", "sandbox", "developer"].flatMap((environment) =>
  dataCentres.map((top) => `https://${environment}.zohoapis.${top}`)
)

const apiDomain = new RegExp(
  `^https://(?:www|sandbox|developer)\\.zohoapis\\.(?:${dataCentres.map((top) => top.replace(".", "\\.")).join("|")})/?$`
)

/** Where users of each data centre sign in. */
export const accounts = dataCentres.map((top) =>
  top === "ca" ? "https://accounts.zohocloud.ca" : `https://accounts.zoho.${top}`
)

const accountsServer = new RegExp(`^(?:${accounts.map((host) => host.replaceAll(".", "\\.")).join("|")})$`)

export const credentials = Schema.Struct({
  ...tokenFields({
    title: "Access token",
    description:
      "An OAuth access token with the scopes ZohoCRM.modules.contacts.ALL, ZohoCRM.modules.accounts.ALL, ZohoCRM.users.READ and ZohoCRM.settings.fields.READ.",
    example: "1000.8cb99dxxxxxxxxxxxxx9be93.9b8xxxxxxxxxxxxxxxf"
  }),
  apiDomain: text(
    {
      title: "API domain",
      description: "api_domain in the answer that brought the token. It tells the data centre of the account.",
      example: "https://www.zohoapis.eu"
    },
    {
      pattern: apiDomain,
      message: "Expected an API domain of Zoho, such as https://www.zohoapis.com or https://www.zohoapis.eu"
    }
  ),
  accountsServer: Schema.optionalKey(
    text(
      {
        title: "Accounts server",
        description: "Where a refresh token is renewed: accounts-server in the answer that brought it.",
        example: "https://accounts.zoho.eu"
      },
      {
        pattern: accountsServer,
        message: "Expected an accounts server of Zoho, such as https://accounts.zoho.com or https://accounts.zoho.eu"
      }
    )
  )
})

export const settings = Schema.Struct({
  trigger: Schema.Array(Schema.Literals(["workflow", "approval", "blueprint"]))
    .annotate({
      title: "Triggers",
      description: "Which of your automations run for synced contacts and accounts. None by default."
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed([]))),
  lastNameFromEmail: Schema.Boolean.annotate({
    title: "Last name from email",
    description:
      "Whether a new contact without a last name gets the part of its email before the @. Otherwise it is refused."
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed(false)))
})

export type ZohoConnection = Connection<typeof credentials.Type, typeof settings.Type>

/** The URL of a resource, such as `/Contacts/upsert`. */
export const resource = ({ credentials }: ZohoConnection, path: string): string =>
  `${new URL(credentials.apiDomain).origin}/crm/v8${path}`

/** Sends a request with the token: not as a bearer token, which Zoho does not know. Any answer is the caller's. */
export const execute = ({ credentials, http }: ZohoConnection, request: HttpClientRequest.HttpClientRequest) =>
  http.execute(
    HttpClientRequest.setHeader(request, "authorization", `Zoho-oauthtoken ${Redacted.value(credentials.accessToken)}`)
  )

/**
 * Sends a request with the token, and fails on any answer but a success.
 *
 * @param scope what the token needs for it
 */
export const send = Effect.fnUntraced(function* (
  connection: ZohoConnection,
  request: HttpClientRequest.HttpClientRequest,
  scope: string
) {
  const answer = yield* execute(connection, request)
  if (answer.status >= 300) return yield* Effect.flatMap(readFailure(answer, scope), Effect.fail)
  return answer
})
