/** The emulators of all built-in providers, running. */
import { Effect } from "effect"
import { type Emulator, type RunningEmulator, startEmulator } from "nexus-integrations/plugin/testing"
import { ActiveCampaignEmulator } from "../plugins/activecampaign/Emulator.ts"
import { DropboxEmulator } from "../plugins/dropbox/Emulator.ts"
import { GoogleDriveEmulator } from "../plugins/google-drive/Emulator.ts"
import { HubSpotEmulator } from "../plugins/hubspot/Emulator.ts"
import { MailchimpEmulator } from "../plugins/mailchimp/Emulator.ts"
import { SalesforceEmulator } from "../plugins/salesforce/Emulator.ts"
import { SendGridEmulator } from "../plugins/sendgrid/Emulator.ts"
import { ZapierEmulator } from "../plugins/zapier/Emulator.ts"
import { ZohoEmulator } from "../plugins/zoho/Emulator.ts"
import { ProviderId } from "../src/domain/Ids.ts"
import { hostVariable } from "../src/plugin/Hosts.ts"

const all: Readonly<Record<string, () => Emulator>> = {
  // Its imports take a few looks, as the real ones do.
  ACTIVECAMPAIGN: () => ActiveCampaignEmulator({ looks: 3 }),
  DROPBOX: DropboxEmulator,
  GOOGLE_DRIVE: GoogleDriveEmulator,
  HUBSPOT: HubSpotEmulator,
  MAILCHIMP: MailchimpEmulator,
  SALESFORCE: SalesforceEmulator,
  // Its jobs take a few looks, as the real ones do.
  SENDGRID: () => SendGridEmulator(3),
  ZAPIER: () => ZapierEmulator(),
  ZOHO: ZohoEmulator
}

/** A provider's emulator and where it listens. */
export interface Emulated {
  readonly provider: string
  readonly emulator: Emulator
  readonly server: RunningEmulator
}

/** Starts them all, each on a port of its own. */
export const startEmulators = Effect.forEach(Object.entries(all), ([provider, make]) => {
  const emulator = make()
  return Effect.map(startEmulator(emulator), (server): Emulated => ({ provider, emulator, server }))
})

/** The variables that point the providers' hosts at their emulators. */
export const hostVariables = (emulated: ReadonlyArray<Emulated>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    emulated.flatMap(({ provider, emulator, server }) =>
      emulator.hosts.map((host) => [hostVariable(ProviderId.make(provider), host), server.url])
    )
  )
