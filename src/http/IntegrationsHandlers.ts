import { Effect, Stream } from "effect"
import { HttpApiBuilder, HttpApiSchema } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentUser } from "../api/Authentication.ts"
import { success } from "../api/Paging.ts"
import { TestSent } from "../api/WebhooksApi.ts"
import { NotConnected } from "../domain/IntegrationErrors.ts"
import { NewExport, NewSync, type SyncAnswer } from "../domain/Sync.ts"
import { Integrations } from "../integrations/Integrations.ts"
import { PluginRegistry } from "../plugin/PluginRegistry.ts"
import { rejectedCsv } from "../sync/RejectedCsv.ts"
import { Syncs } from "../sync/Syncs.ts"
import { Deliveries } from "../webhooks/Deliveries.ts"
import { paged, pageRequest } from "./Links.ts"
import { RequestLimits } from "./RequestLimits.ts"
import { enforce } from "./UserRateLimit.ts"

export const IntegrationsHandlers = HttpApiBuilder.group(
  Api,
  "integrations",
  Effect.fn(function* (handlers) {
    const integrations = yield* Integrations
    const syncs = yield* Syncs
    const deliveries = yield* Deliveries
    const registry = yield* PluginRegistry
    const limits = yield* RequestLimits

    return handlers.handleAll({
      list: Effect.fnUntraced(function* () {
        return yield* integrations.list((yield* CurrentUser).userId)
      }),
      providers: Effect.fnUntraced(function* () {
        return yield* integrations.catalogue((yield* CurrentUser).userId)
      }),
      connect: Effect.fnUntraced(function* ({ payload }) {
        return yield* integrations.connect(yield* CurrentUser, payload)
      }),
      get: Effect.fnUntraced(function* ({ params }) {
        return yield* integrations.get((yield* CurrentUser).userId, params.provider)
      }),
      update: Effect.fnUntraced(function* ({ params, payload }) {
        return yield* integrations.update(yield* CurrentUser, params.provider, payload)
      }),
      disconnect: Effect.fnUntraced(function* ({ params }) {
        yield* integrations.disconnect(yield* CurrentUser, params.provider)
        return success
      }),
      verify: Effect.fnUntraced(function* ({ params }) {
        return yield* integrations.verify(yield* CurrentUser, params.provider)
      }),
      test: Effect.fnUntraced(function* ({ params }) {
        const { userId } = yield* CurrentUser
        const webhook = yield* integrations.managedWebhook(userId, params.provider)
        return yield* deliveries.sendTest(userId, webhook, undefined).pipe(
          Effect.map((sent) => new TestSent(sent)),
          // Disconnected in between.
          Effect.catchTag("WebhookNotFound", () => Effect.fail(new NotConnected({ provider: params.provider }))),
          Effect.catchTag("InvalidWebhook", Effect.die)
        )
      }),
      fields: Effect.fnUntraced(function* ({ params }) {
        return yield* integrations.fields((yield* CurrentUser).userId, params.provider)
      }),
      sync: Effect.fnUntraced(function* ({ params, payload = new NewSync({}) }) {
        const user = yield* CurrentUser
        const { id } = yield* registry.get(params.provider)
        yield* enforce(yield* limits.ofSync(user.userId, id), "syncs of an integration")
        return answered(yield* syncs.start(user, params.provider, payload))
      }),
      export: Effect.fnUntraced(function* ({ params, payload = new NewExport({}) }) {
        const user = yield* CurrentUser
        const { id } = yield* registry.get(params.provider)
        yield* enforce(yield* limits.ofSync(user.userId, id), "syncs of an integration")
        return answered(yield* syncs.export(user, params.provider, payload))
      }),
      listSyncs: Effect.fnUntraced(function* ({ params, query, request }) {
        const { userId } = yield* CurrentUser
        return paged(request)(yield* syncs.list(userId, params.provider, pageRequest(query)))
      }),
      getSync: Effect.fnUntraced(function* ({ params }) {
        return yield* syncs.get((yield* CurrentUser).userId, params.provider, params.id)
      }),
      cancelSync: Effect.fnUntraced(function* ({ params }) {
        return yield* syncs.cancel(yield* CurrentUser, params.provider, params.id)
      }),
      rejected: Effect.fnUntraced(function* ({ params }) {
        const rows = yield* syncs.rejects((yield* CurrentUser).userId, params.provider, params.id)
        return Stream.encodeText(rejectedCsv(rows))
      })
    })
  })
)

/** A run that goes on is 202, with the address to look at it. */
const answered = (answer: SyncAnswer) =>
  answer.state === "RUNNING" || answer.state === "WAITING"
    ? HttpApiSchema.withHeaders({
        body: answer,
        headers: { location: `/integrations/${answer.provider}/syncs/${answer.id}` }
      })
    : answer
