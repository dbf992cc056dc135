import { ProviderInfo } from "../domain/Integration.ts"
import type { Provider } from "../plugin/Provider.ts"
import { formSchema } from "./ConnectForm.ts"

/** A provider as the catalogue shows it: all of it comes from what the plugin declares. */
export const describeProvider = (provider: Provider, isConnected: boolean) => {
  const { contacts, hasWebhook, canRemove, canRevoke } = provider
  const capabilities = Object.entries({
    contacts: contacts !== undefined,
    removeContacts: canRemove,
    webhook: hasWebhook,
    revoke: canRevoke
  })
  return new ProviderInfo({
    ...provider,
    capabilities: capabilities.filter(([, has]) => has).map(([name]) => name),
    credentials: formSchema(provider.credentials),
    settings: formSchema(provider.settings),
    fieldMapping: contacts === undefined ? null : { ...contacts.mapping },
    isConnected
  })
}
