import { Array as Arr, Effect } from "effect"
import type { Settings } from "../domain/Integration.ts"
import { InvalidIntegration } from "../domain/IntegrationErrors.ts"
import type { Provider } from "../plugin/Provider.ts"
import { Checks } from "./Checks.ts"
import type { IntegrationRow } from "./IntegrationRepo.ts"

/** How many fields are named to somebody who named one that isn't there. */
const mostNamed = 20

/** Checks a field mapping against the fields that the provider has, which it is asked for. */
export const makeFieldMappingRules = Effect.gen(function* () {
  const checks = yield* Checks

  return Effect.fnUntraced(function* (provider: Provider, row: IntegrationRow, settings: Settings) {
    const { fieldMapping } = settings
    if (typeof fieldMapping !== "object" || fieldMapping === null) return
    const fields = yield* checks.fields({ ...row, settings: { ...row.settings, ...settings } })
    const names = new Set(fields.map(({ name }) => name))
    const email = provider.contacts?.mapping.email
    const errors = Object.entries(fieldMapping).flatMap(([from, to]) => {
      const path = `settings.fieldMapping.${from}`
      if (from === "email" && to !== email) {
        return [{ path, message: `Contacts are matched by email, which ${provider.name} has in ${email}` }]
      }
      if (names.has(String(to))) return []
      const some = Array.from(names).slice(0, mostNamed).join(", ")
      return [{ path, message: `${provider.name} has no field ${JSON.stringify(to)}. It has ${some}` }]
    })
    if (Arr.isReadonlyArrayNonEmpty(errors)) return yield* new InvalidIntegration({ errors })
  })
})
