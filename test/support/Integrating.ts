import { Context, Effect, Layer } from "effect"
import { type Emulator, type RunningEmulator, startEmulator } from "nexus-integrations/plugin/testing"
import { ActiveCampaignEmulator } from "../../plugins/activecampaign/Emulator.ts"
import { DropboxEmulator } from "../../plugins/dropbox/Emulator.ts"
import { GoogleDriveEmulator } from "../../plugins/google-drive/Emulator.ts"
import { HubSpotEmulator } from "../../plugins/hubspot/Emulator.ts"
import { BuiltInPlugins } from "../../plugins/index.ts"
import { MailchimpEmulator } from "../../plugins/mailchimp/Emulator.ts"
import { SalesforceEmulator } from "../../plugins/salesforce/Emulator.ts"
import { SendGridEmulator } from "../../plugins/sendgrid/Emulator.ts"
import { ZapierEmulator } from "../../plugins/zapier/Emulator.ts"
import { ZohoEmulator } from "../../plugins/zoho/Emulator.ts"
import { ContactExport } from "../../src/contacts/ContactExport.ts"
import { ContactRepo } from "../../src/contacts/ContactRepo.ts"
import { ProviderId } from "../../src/domain/Ids.ts"
import { FileUploads } from "../../src/files/FileUploads.ts"
import { Checks } from "../../src/integrations/Checks.ts"
import { Connections } from "../../src/integrations/Connections.ts"
import { IntegrationRepo } from "../../src/integrations/IntegrationRepo.ts"
import { Integrations } from "../../src/integrations/Integrations.ts"
import { MemoryRepo } from "../../src/integrations/MemoryRepo.ts"
import { StoredCredentials } from "../../src/integrations/StoredCredentials.ts"
import { OAuthClients } from "../../src/oauth/OAuthClients.ts"
import { OAuthFlows } from "../../src/oauth/OAuthFlows.ts"
import { OAuthStateRepo } from "../../src/oauth/OAuthStateRepo.ts"
import { RefreshRepo } from "../../src/oauth/RefreshRepo.ts"
import { TokenEndpoint } from "../../src/oauth/TokenEndpoint.ts"
import { TokenRefresh } from "../../src/oauth/TokenRefresh.ts"
import { hostVariable } from "../../src/plugin/Hosts.ts"
import { PluginRegistry } from "../../src/plugin/PluginRegistry.ts"
import { Sessions } from "../../src/plugin/Sessions.ts"
import { AutoSyncRepo } from "../../src/sync/AutoSyncRepo.ts"
import { ExportRepo } from "../../src/sync/ExportRepo.ts"
import { SyncEngine } from "../../src/sync/SyncEngine.ts"
import { SyncRecordRepo } from "../../src/sync/SyncRecordRepo.ts"
import { SyncRunner } from "../../src/sync/SyncRunner.ts"
import { SyncRunRepo } from "../../src/sync/SyncRunRepo.ts"
import { Syncs } from "../../src/sync/Syncs.ts"
import { builtIns } from "./BuiltIn.ts"
import { PeopleLayer } from "./People.ts"

/** Everything about integrations and syncs, with these plugins, beside what people can do with webhooks. */
export const integratingLayer = <E>(plugins: Layer.Layer<never, E, PluginRegistry>) =>
  Layer.mergeAll(FileUploads.layer, OAuthFlows.layer, Syncs.layer).pipe(
    Layer.provideMerge(Integrations.layer),
    Layer.provideMerge(SyncEngine.layer),
    Layer.provideMerge(SyncRunner.layer),
    Layer.provideMerge(Checks.layer),
    Layer.provideMerge(Connections.layer),
    Layer.provideMerge(TokenRefresh.layer),
    Layer.provideMerge(
      Layer.mergeAll(Sessions.layer, OAuthClients.layer, StoredCredentials.layer, TokenEndpoint.layer)
    ),
    Layer.provideMerge(Layer.fresh(plugins).pipe(Layer.provideMerge(Layer.fresh(PluginRegistry.layer)))),
    Layer.provideMerge(
      Layer.mergeAll(
        AutoSyncRepo.layer,
        ExportRepo.layer,
        IntegrationRepo.layer,
        MemoryRepo,
        OAuthStateRepo.layer,
        RefreshRepo.layer,
        SyncRecordRepo.layer,
        SyncRunRepo.layer
      )
    ),
    Layer.provideMerge(ContactExport.layer.pipe(Layer.provideMerge(ContactRepo.layer))),
    Layer.provideMerge(PeopleLayer)
  )

/** The same with the plugins that come with the service. */
export const IntegratingLayer = integratingLayer(BuiltInPlugins)

/** The emulators of the plugins that come with the service, by provider id. */
export const builtInEmulators = {
  ACTIVECAMPAIGN: ActiveCampaignEmulator,
  DROPBOX: DropboxEmulator,
  GOOGLE_DRIVE: GoogleDriveEmulator,
  HUBSPOT: HubSpotEmulator,
  MAILCHIMP: MailchimpEmulator,
  SALESFORCE: SalesforceEmulator,
  SENDGRID: SendGridEmulator,
  ZAPIER: ZapierEmulator,
  ZOHO: ZohoEmulator
}

/** An emulator that runs, with what it knows about itself. */
export interface Stand {
  readonly emulator: Emulator
  readonly server: RunningEmulator
}

/** The emulators of a test, by provider. */
export class Emulators extends Context.Service<Emulators, { readonly of: (provider: string) => Stand }>()(
  "nexus/test/Emulators"
) {}

/**
 * Starts emulators and builds a layer with the variables that point the providers at them, and those of the OAuth clients
 * that are registered with them.
 *
 * @param emulators by provider id
 */
export const withEmulators = <A, E, R>(
  emulators: Readonly<Record<string, () => Emulator>>,
  build: (variables: Readonly<Record<string, string>>) => Layer.Layer<A, E, R>
) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const stands = new Map<string, Stand>()
      const variables: Record<string, string> = {}
      const known = yield* builtIns
      for (const [provider, make] of Object.entries(emulators)) {
        const emulator = make()
        const server = yield* startEmulator(emulator)
        stands.set(provider, { emulator, server })
        for (const host of emulator.hosts) variables[hostVariable(ProviderId.make(provider), host)] = server.url
        const client = known.get(provider)?.oauth?.client
        if (client === undefined || emulator.oauth === undefined) continue
        variables[client.id] = emulator.oauth.client.id
        variables[client.secret] = emulator.oauth.client.secret
      }
      const of = (provider: string) => {
        const stand = stands.get(provider)
        if (stand === undefined) throw new Error(`No emulator runs for ${provider}`)
        return stand
      }
      return Layer.merge(build(variables), Layer.succeed(Emulators, { of }))
    })
  )
