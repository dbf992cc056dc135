import { HttpApi, OpenApi } from "effect/http-api"
import { version } from "../domain/Version.ts"
import { AuditLogApi } from "./AuditLogApi.ts"
import { ContactsApi } from "./ContactsApi.ts"
import { DeadLettersApi } from "./DeadLettersApi.ts"
import { DeliveriesApi } from "./DeliveriesApi.ts"
import { EventsApi } from "./EventsApi.ts"
import { HealthApi } from "./HealthApi.ts"
import { IntegrationsApi } from "./IntegrationsApi.ts"
import { OAuthApi } from "./OAuthApi.ts"
import { documentProblems } from "./OpenApiDocument.ts"
import { SessionApi } from "./SessionApi.ts"
import { WebhooksApi } from "./WebhooksApi.ts"

/** The whole HTTP contract. No server code here: the dashboard and the typed client import it too. */
export class Api extends HttpApi.make("nexus")
  .add(
    IntegrationsApi,
    OAuthApi,
    WebhooksApi,
    DeliveriesApi,
    EventsApi,
    DeadLettersApi,
    ContactsApi,
    AuditLogApi,
    SessionApi,
    HealthApi
  )
  .annotate(HttpApi.ParseOptions, { errors: "all" })
  // A field that is not known is a mistake of the caller's, mostly a misspelt one.
  .annotate(HttpApi.PayloadParseOptions, { errors: "all", onExcessProperty: "error" })
  .annotateMerge(
    OpenApi.annotations({
      title: "Nexus Integrations",
      version,
      description:
        "Signed webhooks from a Postgres outbox, and contacts that reach providers. Every error is a problem (RFC 9457, `application/problem+json`) whose " +
        "`detail` says what happened and what to do, and whose `errors` name every field that is wrong.",
      transform: documentProblems
    })
  ) {}
