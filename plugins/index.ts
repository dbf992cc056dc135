/** The built-in plugins. A new one is a folder and a line. */
import { Layer } from "effect"
import { ActiveCampaignPlugin } from "./activecampaign/ActiveCampaign.ts"
import { DropboxPlugin } from "./dropbox/Dropbox.ts"
import { GoogleDrivePlugin } from "./google-drive/GoogleDrive.ts"
import { HubSpotPlugin } from "./hubspot/HubSpot.ts"
import { MailchimpPlugin } from "./mailchimp/Mailchimp.ts"
import { SalesforcePlugin } from "./salesforce/Salesforce.ts"
import { SendGridPlugin } from "./sendgrid/SendGrid.ts"
import { ZapierPlugin } from "./zapier/Zapier.ts"
import { ZohoPlugin } from "./zoho/Zoho.ts"

export const BuiltInPlugins = Layer.mergeAll(
  ActiveCampaignPlugin,
  DropboxPlugin,
  GoogleDrivePlugin,
  HubSpotPlugin,
  MailchimpPlugin,
  SalesforcePlugin,
  SendGridPlugin,
  ZapierPlugin,
  ZohoPlugin
)
