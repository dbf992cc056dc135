import type { Settings } from "../domain/Integration.ts"
import type { Provider, ProviderField } from "../plugin/Provider.ts"
import type { FieldFault } from "./ConnectForm.ts"

/** How many fields are named to somebody who named one that isn't there. */
const mostNamed = 20

/** Whether settings have a mapping of their own, which has to be looked at. */
export const mapsFields = ({ fieldMapping }: Settings): boolean =>
  typeof fieldMapping === "object" && fieldMapping !== null

/**
 * What is wrong with the field mapping of some settings: fields that the provider doesn't have, two values for one, and an
 * email that goes elsewhere than where contacts are matched by it.
 */
export const mappingFaults = (
  provider: Provider,
  { fieldMapping }: Settings,
  fields: ReadonlyArray<ProviderField>
): ReadonlyArray<FieldFault> => {
  const names = new Set(fields.map(({ name }) => name))
  const email = provider.contacts?.mapping.email
  return Object.entries(fieldMapping ?? {}).flatMap(([from, to], index, entries) => {
    const path = `settings.fieldMapping.${from}`
    const other = entries.findIndex(([, name]) => name === to)
    if (other < index) {
      return [
        { path, message: `${JSON.stringify(to)} gets ${entries[other]?.[0]} already, and can hold one value alone` }
      ]
    }
    if (from === "email" && to !== email) {
      return [{ path, message: `Contacts are matched by email, which ${provider.name} has in ${email}` }]
    }
    if (names.has(String(to))) return []
    const some = Array.from(names).slice(0, mostNamed).join(", ")
    const more =
      names.size > mostNamed ? `, and ${names.size - mostNamed} more: GET /integrations/${provider.id}/fields` : ""
    return [{ path, message: `${provider.name} has no field ${JSON.stringify(to)}. It has ${some}${more}` }]
  })
}
