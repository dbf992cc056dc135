-- Event types, and the webhooks that subscribe to them.

CREATE TABLE nexus.event_type (
  name text PRIMARY KEY CHECK (name ~ '^[A-Za-z][A-Za-z0-9_.]{0,63}$'),
  kind text NOT NULL DEFAULT 'custom' CHECK (kind IN ('builtin', 'custom', 'system')),
  description text NOT NULL DEFAULT '',
  schema json,
  example json,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE nexus.webhook_subscription (
  id uuid PRIMARY KEY DEFAULT nexus.uuid7(),
  user_id text NOT NULL CHECK (length(user_id) BETWEEN 1 AND 255),
  url text NOT NULL CHECK (length(url) <= 2048),
  events text[] NOT NULL CHECK (cardinality(events) BETWEEN 1 AND 100),
  description text NOT NULL DEFAULT '',
  secret text NOT NULL,
  previous_secret text,
  previous_secret_expires_at timestamptz,
  headers text,
  is_active boolean NOT NULL DEFAULT true,
  max_attempts integer NOT NULL DEFAULT 5 CHECK (max_attempts BETWEEN 5 AND 16),
  max_in_flight integer NOT NULL DEFAULT 10 CHECK (max_in_flight BETWEEN 1 AND 100),
  disable_after_seconds integer NOT NULL DEFAULT 0 CHECK (disable_after_seconds >= 0),
  consecutive_failures integer NOT NULL DEFAULT 0,
  failing_since timestamptz,
  disabled_reason text,
  disabled_at timestamptz,
  managed_by text,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON COLUMN nexus.webhook_subscription.secret IS 'Sealed by the vault, as are previous_secret and headers.';
COMMENT ON COLUMN nexus.webhook_subscription.version IS 'Counts the changes that a dispatcher must see: url, secrets, headers, limits.';
COMMENT ON COLUMN nexus.webhook_subscription.disable_after_seconds IS 'For how long, at the least, deliveries must have been failing before the webhook is disabled.';

CREATE INDEX webhook_subscription_user ON nexus.webhook_subscription (user_id, id);

INSERT INTO nexus.event_type (name, kind, description, example) VALUES
  ('CONTACT_CREATED', 'builtin', 'A new contact was added.',
   '{"contactId": "contact-123", "firstName": "John", "lastName": "Doe", "email": "john@example.com", "phone": "+1234567890", "cardId": "card-123"}'),
  ('CARD_VIEW', 'builtin', 'A card was viewed.',
   '{"cardId": "card-123", "viewerId": "user-456", "location": "New York, US", "device": "mobile"}'),
  ('LINK_CLICK', 'builtin', 'A link on a card was clicked.',
   '{"cardId": "card-123", "linkType": "EMAIL", "linkValue": "john@example.com"}'),
  ('SUBSCRIPTION_UPDATED', 'builtin', 'A subscription changed.',
   '{"userId": "user-123", "oldTier": "FREE", "newTier": "PRO", "effectiveDate": "2025-11-20T10:30:00Z"}'),
  ('WEBHOOK_DISABLED', 'system', 'A webhook of the same user was disabled, because its deliveries kept failing or its receiver answered 410. Not part of "*".',
   '{"webhookId": "0199f0a0-0000-7000-8000-000000000000", "url": "https://your-app.com/webhook", "reason": "10 deliveries in a row failed; the last: 500 Internal Server Error", "disabledAt": "2025-11-20T10:30:00.000Z"}');
