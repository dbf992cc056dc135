/** The examples of the product documentation, by operation. */

interface Example {
  readonly request?: unknown
  readonly status: number
  readonly response?: unknown
}

const webhookId = "0199f0a0-0000-7000-8000-000000000001"
const deliveryId = "0199f0a0-0000-7000-8000-000000000002"
const eventId = "0199f0a0-0000-7000-8000-000000000003"
const time = "2025-11-20T10:30:00.000Z"

const contact = {
  contactId: "contact-123",
  firstName: "John",
  lastName: "Doe",
  email: "john@example.com",
  phone: "+1234567890",
  cardId: "card-123"
}

const storedContact = {
  id: "0199f0a0-0000-7000-8000-000000000004",
  userId: "user-123",
  cardId: "card-123",
  firstName: "John",
  lastName: "Doe",
  email: "john@example.com",
  phone: "+1234567890",
  company: "Example Inc.",
  jobTitle: "Engineer",
  tags: ["lead"],
  customFields: { score: 4.5 },
  createdAt: time,
  updatedAt: time
}

const webhook = {
  id: webhookId,
  userId: "user-123",
  url: "https://your-app.com/webhook",
  events: ["CONTACT_CREATED", "CARD_VIEW"],
  description: "",
  isActive: true,
  headers: {},
  maxAttempts: 5,
  disableAfterSeconds: 0,
  consecutiveFailures: 0,
  disabledReason: null,
  disabledAt: null,
  managedBy: null,
  previousSecretExpiresAt: null,
  createdAt: time,
  updatedAt: time
}

const withSecret = { ...webhook, secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" }

const delivery = {
  id: deliveryId,
  eventId,
  webhookId,
  eventType: "CONTACT_CREATED",
  status: "delivered",
  payload: contact,
  responseStatus: 200,
  responseBody: "ok",
  error: null,
  attemptCount: 1,
  deliveredAt: time,
  failedAt: null,
  nextRetryAt: null,
  createdAt: time
}

/** Of no real provider: those are known to their plugins alone. */
const integration = {
  id: "0199f0a0-0000-7000-8000-000000000005",
  userId: "user-123",
  provider: "ACME_CRM",
  name: "Acme CRM",
  status: "ACTIVE",
  credentials: { accessToken: "••••oken", instanceUrl: "https://your-instance.acme.example" },
  settings: {},
  accountId: "12345678",
  accountLabel: "your-instance.acme.example",
  lastError: null,
  lastErrorKind: null,
  lastSyncAt: time,
  lastVerifiedAt: time,
  createdAt: time,
  updatedAt: time
}

const syncRun = {
  id: "0199f0a0-0000-7000-8000-000000000006",
  provider: "ACME_CRM",
  trigger: "manual",
  state: "COMPLETED",
  full: false,
  dryRun: false,
  format: null,
  file: null,
  contactsSynced: 42,
  total: 43,
  created: 40,
  updated: 1,
  unchanged: 1,
  rejected: 1,
  pending: 0,
  unconfirmed: 0,
  removed: 0,
  error: null,
  errorKind: null,
  startedAt: time,
  finishedAt: time
}

const success = { status: 200, response: { success: true } }

export const examples: Readonly<Record<string, Example>> = {
  "integrations.list": { status: 200, response: [integration] },
  "integrations.get": { status: 200, response: integration },
  "integrations.connect": {
    request: {
      provider: "ACME_CRM",
      credentials: { accessToken: "your-access-token", instanceUrl: "https://your-instance.acme.example" }
    },
    status: 201,
    response: { ...integration, lastSyncAt: null }
  },
  "integrations.update": {
    request: { settings: { autoSync: true, fieldMapping: { firstName: "First_Name", cardId: "Card_Id" } } },
    status: 200,
    response: {
      ...integration,
      settings: { autoSync: true, fieldMapping: { firstName: "First_Name", cardId: "Card_Id" } }
    }
  },
  "integrations.disconnect": success,
  "integrations.verify": { status: 200, response: integration },
  "integrations.test": { status: 201, response: { eventId, deliveryId } },
  "integrations.fields": {
    status: 200,
    response: [{ name: "Last_Name", label: "Last Name", type: "text", required: true, maxLength: 80 }]
  },
  "integrations.sync": {
    request: { full: false, dryRun: false },
    status: 201,
    response: { ...syncRun, message: "Acme CRM sync completed" }
  },
  "integrations.listSyncs": { status: 200, response: [syncRun] },
  "integrations.getSync": { status: 200, response: syncRun },
  "oauth.authorize": {
    request: { returnUrl: "https://app.example.com/integrations" },
    status: 200,
    response: {
      id: "0199f0a0-0000-7000-8000-000000000007",
      url: "https://accounts.acme.example/authorize?response_type=code&client_id=nexus&state=…",
      expiresAt: "2025-11-20T10:40:00.000Z"
    }
  },
  "oauth.attempt": {
    status: 200,
    response: {
      id: "0199f0a0-0000-7000-8000-000000000007",
      provider: "ACME_CRM",
      outcome: "connected",
      message: "Acme CRM is connected (Example Inc.)",
      createdAt: time,
      expiresAt: "2025-11-20T10:40:00.000Z"
    }
  },
  "session.start": {
    status: 200,
    response: { userId: "user-123", scopes: [], expiresAt: "2025-11-20T22:30:00.000Z" }
  },
  "webhooks.create": {
    request: { url: webhook.url, events: webhook.events },
    status: 201,
    response: withSecret
  },
  "webhooks.list": { status: 200, response: [webhook] },
  "webhooks.get": { status: 200, response: webhook },
  "webhooks.update": { request: { isActive: false }, status: 200, response: { ...webhook, isActive: false } },
  "webhooks.delete": success,
  "webhooks.rotateSecret": { request: { overlapSeconds: 86_400 }, status: 200, response: withSecret },
  "webhooks.test": { request: { eventType: "CONTACT_CREATED" }, status: 201, response: { eventId, deliveryId } },
  "webhooks.startReplay": { request: { kind: "failed", since: time, dryRun: true }, status: 202 },
  "contacts.create": {
    request: { email: "john@example.com", firstName: "John", lastName: "Doe", tags: ["lead"] },
    status: 201,
    response: storedContact
  },
  "contacts.list": { status: 200, response: [storedContact] },
  "contacts.get": { status: 200, response: storedContact },
  "contacts.update": {
    request: { phone: null, customFields: { score: 5 } },
    status: 200,
    response: { ...storedContact, phone: null, customFields: { score: 5 } }
  },
  "contacts.delete": success,
  "contacts.import": {
    request: "email,firstName,lastName,customFields.score\r\njohn@example.com,John,Doe,4.5\r\nnobody,,,\r\n",
    status: 200,
    response: {
      created: 1,
      updated: 0,
      unchanged: 0,
      rejected: 1,
      errors: [{ line: 3, column: "email", message: "Expected an email address, for example john@example.com" }]
    }
  },
  "deliveries.list": { status: 200, response: [delivery] },
  "deliveries.retry": success,
  "deadLetters.retry": success,
  "events.emit": {
    request: { eventType: "CONTACT_CREATED", payload: contact },
    status: 202,
    response: { id: eventId, eventType: "CONTACT_CREATED" }
  },
  "events.createType": {
    request: {
      name: "CARD_SHARED",
      description: "A card was shared.",
      schema: { type: "object", required: ["cardId"], properties: { cardId: { type: "string" } } },
      example: { cardId: "card-123" }
    },
    status: 201
  }
}
