/** The built-in plugins. A new one is a folder and a line. */
import { Layer } from "effect"
import { HubSpotPlugin } from "./hubspot/HubSpot.ts"
import { MailchimpPlugin } from "./mailchimp/Mailchimp.ts"
import { SendGridPlugin } from "./sendgrid/SendGrid.ts"
import { ZapierPlugin } from "./zapier/Zapier.ts"

export const BuiltInPlugins = Layer.mergeAll(HubSpotPlugin, MailchimpPlugin, SendGridPlugin, ZapierPlugin)
