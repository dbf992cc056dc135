-- Integrations: a user's connections to providers.

CREATE TABLE nexus.integration (
  id uuid PRIMARY KEY DEFAULT nexus.uuid7(),
  user_id text NOT NULL CHECK (length(user_id) BETWEEN 1 AND 255),
  provider text NOT NULL CHECK (length(provider) BETWEEN 2 AND 32),
  status text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'INACTIVE', 'ERROR')),
  credentials text NOT NULL,
  settings jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(settings) = 'object'),
  auto_sync boolean NOT NULL GENERATED ALWAYS AS (coalesce(settings -> 'autoSync' = 'true', false)) STORED,
  account_id text,
  account_label text,
  last_error text,
  last_error_kind text,
  last_sync_at timestamptz,
  last_verified_at timestamptz,
  check_at timestamptz,
  failed_checks integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (user_id, provider)
);

COMMENT ON COLUMN nexus.integration.credentials IS 'Sealed by the vault: the fields of the connect form as JSON.';
COMMENT ON COLUMN nexus.integration.check_at IS 'When the credentials are tried next; null while that makes no sense.';

CREATE INDEX integration_check_at ON nexus.integration (check_at) WHERE check_at IS NOT NULL;

-- The URL of a webhook that an integration manages is a credential: url holds what may be shown, sealed_url the rest.
ALTER TABLE nexus.webhook_subscription ADD COLUMN sealed_url text;

COMMENT ON COLUMN nexus.webhook_subscription.sealed_url IS 'Sealed by the vault; where deliveries go when the URL itself is a secret.';

ALTER TABLE nexus.integration ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON nexus.integration TO nexus_api
  USING (nexus.is_current_user(user_id)) WITH CHECK (nexus.is_current_user(user_id));
GRANT SELECT, INSERT, UPDATE, DELETE ON nexus.integration TO nexus_api;
