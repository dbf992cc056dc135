import { Context, Effect, Layer } from "effect"
import { ProviderFailed } from "../domain/IntegrationErrors.ts"
import { PluginRegistry } from "../plugin/PluginRegistry.ts"
import type { ProviderField } from "../plugin/Provider.ts"
import { type ProviderError, unavailable } from "../plugin/ProviderError.ts"
import { Connections } from "./Connections.ts"
import { IntegrationRepo, type IntegrationRow, type Trouble } from "./IntegrationRepo.ts"
import { passes, troubleOf } from "./Troubles.ts"

/** How long anybody waits for a provider's answer to a question. */
const patience = "20 seconds"

/** Asks a provider within the time that a person waits. */
export const inTime = <A>(question: Effect.Effect<A, ProviderError>): Effect.Effect<A, ProviderError> =>
  Effect.timeoutOrElse(question, {
    duration: patience,
    orElse: () => Effect.fail(unavailable("it did not answer within 20 seconds"))
  })

/** Seconds until trouble that may pass is looked at again: 30 and then twice as long each time, up to 15 minutes. */
const nextCheck = (failedChecks: number): number => Math.min(30 * 2 ** failedChecks, 900)

/** Keeps the status of integrations true to what their providers say. */
export class Checks extends Context.Service<
  Checks,
  {
    /** Asks the provider, and notes what it said: the integration is ACTIVE afterwards, or ERROR with what to do. */
    check(row: IntegrationRow): Effect.Effect<void>
    /** The fields that the provider's contacts have, with the settings that the integration has; its refusal is noted. */
    fields(row: IntegrationRow): Effect.Effect<ReadonlyArray<ProviderField>, ProviderFailed>
    /** Notes what a call on behalf of an integration ended with. */
    failed(row: IntegrationRow, error: ProviderError): Effect.Effect<Trouble>
  }
>()("nexus/integrations/Checks") {
  static readonly layer = Layer.effect(
    Checks,
    Effect.gen(function* () {
      const repo = yield* IntegrationRepo
      const registry = yield* PluginRegistry
      const connections = yield* Connections

      const failed = Effect.fn("Checks.failed")(
        function* (row: IntegrationRow, error: ProviderError) {
          const provider = yield* Effect.option(registry.get(row.provider))
          const trouble = troubleOf(provider._tag === "Some" ? provider.value : { name: row.provider }, error)
          yield* repo.troubled(row, trouble, passes(trouble.kind) ? nextCheck(row.failedChecks) : null)
          return trouble
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      return Checks.of({
        failed,
        fields: Effect.fn("Checks.fields")((row) =>
          Effect.catchTag(inTime(connections.fields(row)), "ProviderError", (error) =>
            Effect.flatMap(failed(row, error), ({ kind, sentence }) =>
              Effect.fail(new ProviderFailed({ reason: sentence, kind }))
            )
          )
        ),
        check: Effect.fn("Checks.check")(
          function* (row) {
            yield* Effect.scoped(Effect.flatMap(connections.session(row), ({ verify }) => inTime(verify))).pipe(
              Effect.flatMap((account) => repo.healthy(row, account)),
              Effect.catchTag("ProviderError", (error) => failed(row, error))
            )
          },
          Effect.catchTag("SqlError", Effect.die)
        )
      })
    })
  )
}
