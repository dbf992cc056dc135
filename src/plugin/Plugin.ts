import { Effect, Layer, Schema } from "effect"
import { ProviderId } from "../domain/Ids.ts"
import { guard } from "./Guard.ts"
import { PluginRegistry } from "./PluginRegistry.ts"
import type { Connection, Contacts, Provider, ProviderDefinition, SessionContacts } from "./Provider.ts"

/**
 * Turns the definition of a provider into a layer that registers it, which is all that a plugin exports.
 *
 * ```ts
 * export const AcmePlugin = plugin({ id: "ACME", name: "Acme", … })
 * ```
 */
export const plugin = <Credentials, Settings>(definition: ProviderDefinition<Credentials, Settings>) =>
  Layer.effectDiscard(Effect.flatMap(PluginRegistry, (registry) => registry.register(providerOf(definition))))

/** A definition with the types of its credentials and settings closed over. */
export const providerOf = <Credentials, Settings>(definition: ProviderDefinition<Credentials, Settings>): Provider => {
  const { id, name, credentials, settings, oauth, contacts, files, webhook, verify, revoke, ...description } =
    definition
  const decodeCredentials = Schema.decodeUnknownEffect(credentials)
  const decodeSettings = Schema.decodeUnknownEffect(settings, { onExcessProperty: "error" })

  return {
    ...description,
    name,
    // The registry judges it, with a sentence instead of a defect.
    id: ProviderId.make(id, { disableChecks: true }),
    credentials,
    settings,
    oauth,
    contacts: contacts && { batchSize: contacts.batchSize, mapping: contacts.mapping },
    hasFiles: files !== undefined,
    hasWebhook: webhook !== undefined,
    canRevoke: revoke !== undefined || oauth?.revocation !== undefined,
    canRemove: contacts?.remove !== undefined,
    session: Effect.fnUntraced(function* (givenCredentials, givenSettings, lent) {
      const connection: Connection<Credentials, Settings> = {
        credentials: yield* decodeCredentials(givenCredentials),
        settings: yield* decodeSettings(givenSettings),
        ...lent
      }
      const guarded = guard(name, connection.credentials)
      return {
        verify: guarded.account(() => verify(connection)),
        revoke: revoke && guarded.call(() => revoke(connection)),
        webhook: webhook?.(connection.credentials),
        contacts: contacts && contactsOf(contacts, connection, guarded),
        files: files && { put: (file, upload) => guarded.file(() => files.put(connection, file, upload)) }
      }
    })
  }
}

const contactsOf = <Credentials, Settings>(
  contacts: Contacts<Credentials, Settings>,
  connection: Connection<Credentials, Settings>,
  guarded: ReturnType<typeof guard>
): SessionContacts => {
  const { remove, poll } = contacts
  return {
    describeFields: guarded.call(() => contacts.describeFields(connection)),
    upsert: (batch) => guarded.oneForEach(batch, () => contacts.upsert(connection, batch)),
    poll: poll && ((job, batch) => guarded.oneForEach(batch, () => poll(connection, job, batch))),
    remove: remove && ((batch) => guarded.oneForEach(batch, () => remove(connection, batch)))
  }
}
