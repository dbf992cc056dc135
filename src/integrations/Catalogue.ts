import { ProviderInfo } from "../domain/Integration.ts"
import type { OAuthSetup } from "../oauth/OAuthClients.ts"
import type { Provider } from "../plugin/Provider.ts"
import { formSchema } from "./ConnectForm.ts"

/** A provider as the catalogue shows it: all but the set-up of its OAuth comes from what the plugin declares. */
export const describeProvider = (provider: Provider, isConnected: boolean, setup: OAuthSetup | undefined) => {
  const { contacts, hasFiles, hasWebhook, canRemove, canRevoke, oauth } = provider
  const capabilities = Object.entries({
    contacts: contacts !== undefined,
    removeContacts: canRemove,
    files: hasFiles,
    webhook: hasWebhook,
    oauth: oauth !== undefined,
    revoke: canRevoke
  })
  return new ProviderInfo({
    ...provider,
    capabilities: capabilities.filter(([, has]) => has).map(([name]) => name),
    credentials: formSchema(provider.credentials),
    settings: formSchema(provider.settings),
    fieldMapping: contacts === undefined ? null : { ...contacts.mapping },
    oauth:
      oauth === undefined || setup === undefined
        ? null
        : {
            ...setup,
            slug: oauth.slug,
            authorizeUrl: `/integrations/oauth/${oauth.slug}/authorize`,
            isConfigured: setup.missing.length === 0
          },
    isConnected
  })
}
