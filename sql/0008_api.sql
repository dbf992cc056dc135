-- What the HTTP API keeps for itself: answers to repeated requests, and who changed what.

CREATE TABLE nexus.idempotency_key (
  user_id text NOT NULL,
  key text NOT NULL,
  request_hash text NOT NULL,
  response_status integer,
  response_body text,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, key)
);

COMMENT ON COLUMN nexus.idempotency_key.response_body IS 'Sealed by the vault; null while the first request is still running.';

CREATE INDEX idempotency_key_created_at ON nexus.idempotency_key (created_at);

CREATE TABLE nexus.audit_log (
  id uuid PRIMARY KEY DEFAULT nexus.uuid7(),
  user_id text NOT NULL,
  actor text NOT NULL,
  action text NOT NULL,
  subject text NOT NULL,
  detail json NOT NULL DEFAULT '{}',
  address text,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX audit_log_user ON nexus.audit_log (user_id, id);
