/** The built-in plugins. A new one is a folder and a line. */
import { Layer } from "effect"
import { HubSpotPlugin } from "./hubspot/HubSpot.ts"
import { SalesforcePlugin } from "./salesforce/Salesforce.ts"
import { ZohoPlugin } from "./zoho/Zoho.ts"

export const BuiltInPlugins = Layer.mergeAll(HubSpotPlugin, SalesforcePlugin, ZohoPlugin)
