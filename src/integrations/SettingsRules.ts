import { Effect } from "effect"
import type { Settings, TroubleKind } from "../domain/Integration.ts"
import { InvalidIntegration, ProviderFailed } from "../domain/IntegrationErrors.ts"
import type { Provider } from "../plugin/Provider.ts"
import { inTime } from "./Checks.ts"
import { refuse, validate } from "./ConnectForm.ts"
import { Connections } from "./Connections.ts"
import { mappingFaults, mapsFields } from "./FieldMappingRules.ts"
import type { IntegrationRow } from "./IntegrationRepo.ts"
import { troubleOf } from "./Troubles.ts"

/**
 * Judges settings that an integration may get. A field mapping is held against the fields that the provider has with
 * those settings, which it is asked for; what it says of them is no trouble of the integration, whose own may be good.
 */
export const makeSettingsRules = Effect.gen(function* () {
  const connections = yield* Connections

  return Effect.fnUntraced(function* (provider: Provider, row: IntegrationRow, settings: Settings) {
    yield* validate(provider, { settings })
    if (!mapsFields(settings)) return
    const candidate = { ...row, settings: { ...row.settings, ...settings } }
    const fields = yield* Effect.catchTag(inTime(connections.fields(candidate)), "ProviderError", (error) => {
      const { kind, sentence } = troubleOf(provider, error)
      return Effect.fail(
        isAboutSettings(kind)
          ? new InvalidIntegration({ errors: [{ path: "settings", message: sentence }] })
          : new ProviderFailed({ reason: sentence, kind })
      )
    })
    yield* refuse(mappingFaults(provider, settings, fields))
  })
})

const isAboutSettings = (kind: TroubleKind) => kind === "Misconfigured" || kind === "Rejected"
