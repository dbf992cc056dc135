/** The conformance checks over all built-in plugins. A new one is a line here. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { conformance } from "nexus-integrations/plugin/testing"
import { ActiveCampaignPlugin } from "../../plugins/activecampaign/ActiveCampaign.ts"
import { ActiveCampaignEmulator } from "../../plugins/activecampaign/Emulator.ts"
import { DropboxPlugin } from "../../plugins/dropbox/Dropbox.ts"
import { DropboxEmulator } from "../../plugins/dropbox/Emulator.ts"
import { GoogleDriveEmulator } from "../../plugins/google-drive/Emulator.ts"
import { GoogleDrivePlugin } from "../../plugins/google-drive/GoogleDrive.ts"
import { HubSpotEmulator } from "../../plugins/hubspot/Emulator.ts"
import { HubSpotPlugin } from "../../plugins/hubspot/HubSpot.ts"
import { MailchimpEmulator } from "../../plugins/mailchimp/Emulator.ts"
import { MailchimpPlugin } from "../../plugins/mailchimp/Mailchimp.ts"
import { SalesforceEmulator } from "../../plugins/salesforce/Emulator.ts"
import { SalesforcePlugin } from "../../plugins/salesforce/Salesforce.ts"
import { SendGridEmulator } from "../../plugins/sendgrid/Emulator.ts"
import { SendGridPlugin } from "../../plugins/sendgrid/SendGrid.ts"
import { ZapierEmulator } from "../../plugins/zapier/Emulator.ts"
import { ZapierPlugin } from "../../plugins/zapier/Zapier.ts"
import { ZohoEmulator } from "../../plugins/zoho/Emulator.ts"
import { ZohoPlugin } from "../../plugins/zoho/Zoho.ts"
import { builtInIds } from "../support/BuiltIn.ts"

const checked = {
  ACTIVECAMPAIGN: conformance(ActiveCampaignPlugin, ActiveCampaignEmulator),
  DROPBOX: conformance(DropboxPlugin, DropboxEmulator),
  GOOGLE_DRIVE: conformance(GoogleDrivePlugin, GoogleDriveEmulator),
  HUBSPOT: conformance(HubSpotPlugin, HubSpotEmulator),
  MAILCHIMP: conformance(MailchimpPlugin, MailchimpEmulator),
  SALESFORCE: conformance(SalesforcePlugin, SalesforceEmulator),
  SENDGRID: conformance(SendGridPlugin, SendGridEmulator),
  ZAPIER: conformance(ZapierPlugin, ZapierEmulator),
  ZOHO: conformance(ZohoPlugin, ZohoEmulator)
}

describe.each(Object.entries(checked))("%s", (_, checks) => {
  for (const { name, run } of checks) it.live(name, () => run)
})

describe("built-in plugins", () => {
  it.effect("are all checked", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* builtInIds, Object.keys(checked))
    })
  )
})
