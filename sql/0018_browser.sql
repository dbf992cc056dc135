-- Browsers: who is signed in, and who is on the way to a provider and back.

CREATE TABLE nexus.session (
  id uuid PRIMARY KEY DEFAULT nexus.uuid7(),
  user_id text NOT NULL CHECK (length(user_id) BETWEEN 1 AND 255),
  actor text NOT NULL,
  scopes text NOT NULL,
  token_hash text NOT NULL UNIQUE CHECK (length(token_hash) = 64),
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON COLUMN nexus.session.scopes IS 'Separated by spaces.';
COMMENT ON COLUMN nexus.session.token_hash IS 'SHA-256 of the cookie, in hexadecimal.';

CREATE INDEX session_user_id ON nexus.session (user_id);
CREATE INDEX session_expires_at ON nexus.session (expires_at);

CREATE TABLE nexus.oauth_state (
  id uuid PRIMARY KEY DEFAULT nexus.uuid7(),
  user_id text NOT NULL CHECK (length(user_id) BETWEEN 1 AND 255),
  actor text NOT NULL,
  provider text NOT NULL,
  slug text NOT NULL,
  state_hash text NOT NULL UNIQUE CHECK (length(state_hash) = 64),
  browser_hash text NOT NULL CHECK (length(browser_hash) = 64),
  redirect_uri text NOT NULL,
  return_url text,
  settings jsonb CHECK (jsonb_typeof(settings) = 'object'),
  verifier text,
  outcome text NOT NULL DEFAULT 'PENDING',
  message text,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL DEFAULT now() + interval '10 minutes',
  used_at timestamptz
);

COMMENT ON TABLE nexus.oauth_state IS 'Attempts to connect a provider in the browser. Rows are kept for a day.';
COMMENT ON COLUMN nexus.oauth_state.state_hash IS 'SHA-256 of the state that goes to the provider and comes back, in hexadecimal.';
COMMENT ON COLUMN nexus.oauth_state.browser_hash IS 'SHA-256 of the cookie of the browser that it began in, in hexadecimal.';
COMMENT ON COLUMN nexus.oauth_state.verifier IS 'Sealed by the vault: the PKCE verifier; gone once it was used.';

CREATE INDEX oauth_state_user_id ON nexus.oauth_state (user_id);
CREATE INDEX oauth_state_created_at ON nexus.oauth_state (created_at);

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['session', 'oauth_state'] LOOP
    EXECUTE format('ALTER TABLE nexus.%I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY own_rows ON nexus.%I TO nexus_api USING (nexus.is_current_user(user_id)) WITH CHECK (nexus.is_current_user(user_id))', name);
  END LOOP;
END
$$;

GRANT SELECT, INSERT, DELETE ON nexus.session TO nexus_api;
GRANT SELECT, INSERT, UPDATE ON nexus.oauth_state TO nexus_api;
