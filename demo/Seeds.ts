/** Fills a new installation through its API: contacts, integrations in every status, and webhooks of every kind. */
import { Effect, Schedule } from "effect"
import type { Emulated } from "./Emulators.ts"
import type { NexusClient } from "./NexusClient.ts"
import { peopleCsv } from "./People.ts"

/** Contacts of the user that everything belongs to, and of the one who has nothing else yet. */
const contacts = { rich: 240, poor: 12 }

/** The user who has everything. */
export const seedRich = Effect.fnUntraced(function* (
  client: NexusClient,
  emulated: ReadonlyArray<Emulated>,
  receivers: string
) {
  yield* client.post("/contacts/import", peopleCsv(contacts.rich))
  for (const webhook of [
    { url: `${receivers}/ok`, events: ["*"], description: "Everything, answered at once" },
    { url: `${receivers}/failing`, events: ["CARD_VIEW", "WEBHOOK_DISABLED"], description: "A receiver with a bug" },
    { url: `${receivers}/hanging`, events: ["LINK_CLICK"], description: "Never answers" },
    { url: `${receivers}/moved`, events: ["SUBSCRIPTION_UPDATED"], description: "Moved without telling" },
    { url: `${receivers}/ok`, events: ["CONTACT_CREATED"], description: "Paused by its owner", isActive: false }
  ]) {
    yield* client.post("/integrations/webhooks", webhook)
  }
  for (const { provider, emulator } of emulated) {
    yield* client.post("/integrations/connect", { provider, credentials: emulator.credentials })
    if (emulator.contacts !== undefined) yield* client.post(`/integrations/${provider}/sync`, {})
    if (emulator.files !== undefined) yield* client.post(`/integrations/${provider}/export`, {})
  }
  yield* client.patch("/integrations/MAILCHIMP", { status: "INACTIVE" })
  yield* client.patch("/integrations/HUBSPOT", { settings: { autoSync: true } })
  // Its user took the access away at the provider; connecting again mends it.
  const zoho = emulated.find(({ provider }) => provider === "ZOHO")
  zoho?.emulator.revokeAccess(true)
  yield* client.post("/integrations/ZOHO/verify", undefined)
  zoho?.emulator.revokeAccess(false)
  for (let n = 0; n < 12; n++) yield* emit(client, n)
})

/** The user who has contacts that no provider has yet, for trying everything by hand. */
export const seedPoor = (client: NexusClient) =>
  client.post("/contacts/import", peopleCsv(contacts.poor, contacts.rich))

const events = [
  {
    eventType: "CARD_VIEW",
    payload: { cardId: "card-123", viewerId: "user-456", location: "New York, US", device: "mobile" }
  },
  { eventType: "LINK_CLICK", payload: { cardId: "card-123", linkType: "EMAIL", linkValue: "john@example.com" } },
  {
    eventType: "SUBSCRIPTION_UPDATED",
    payload: { userId: "user-1", oldTier: "FREE", newTier: "PRO", effectiveDate: "2025-11-20T10:30:00Z" }
  }
]

const emit = (client: NexusClient, n: number) => client.post("/integrations/events", events[n % events.length])

/** Something happens every three seconds, for as long as it runs. */
export const keepAlive = (client: NexusClient) => {
  let n = 0
  return Effect.suspend(() => emit(client, n++)).pipe(
    Effect.catch((error) => Effect.logWarning(`The demo could not emit an event: ${error.message}`)),
    Effect.repeat(Schedule.spaced("3 seconds"))
  )
}
