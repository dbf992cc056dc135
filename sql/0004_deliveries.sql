-- Deliveries: the unfinished ones, the history of the finished ones, and every attempt.

-- The id of the delivery of an event to a webhook. The same two always have the same id, so no delivery can be made
-- twice; and it begins as the event's does, so deliveries sort by their events. It has the form of a UUIDv7, with a hash
-- in the place of the last 62 random bits.
CREATE FUNCTION nexus.delivery_id(event_id uuid, webhook_id uuid) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT overlay(
    encode(substring(uuid_send(event_id) FOR 8) || substring(sha256(uuid_send(event_id) || uuid_send(webhook_id)) FOR 8), 'hex')
    PLACING '8' FROM 17)::uuid
$$;

-- No foreign keys: fan-out writes a row here for every delivery, and the tables around it are partitioned.
CREATE TABLE nexus.delivery (
  id uuid PRIMARY KEY,
  event_id uuid NOT NULL,
  webhook_id uuid NOT NULL,
  user_id text NOT NULL,
  event_type text NOT NULL,
  attempt_count integer NOT NULL DEFAULT 0,
  attempts_before integer NOT NULL DEFAULT 0,
  max_attempts integer NOT NULL,
  is_manual boolean NOT NULL DEFAULT false,
  next_attempt_at timestamptz NOT NULL,
  claimed_by uuid,
  created_at timestamptz NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000);

COMMENT ON COLUMN nexus.delivery.attempts_before IS 'Attempts of earlier rounds: a replay or a manual retry of a finished delivery begins a new round.';
COMMENT ON COLUMN nexus.delivery.max_attempts IS 'How many attempts this round may make.';
COMMENT ON COLUMN nexus.delivery.claimed_by IS 'The dispatcher that holds the row; null when any may take it.';

CREATE INDEX delivery_webhook ON nexus.delivery (webhook_id, next_attempt_at);
CREATE INDEX delivery_list ON nexus.delivery (webhook_id, id);
CREATE INDEX delivery_manual ON nexus.delivery (next_attempt_at) WHERE is_manual AND claimed_by IS NULL;

CREATE TABLE nexus.delivery_history (
  id uuid PRIMARY KEY,
  delivery_id uuid NOT NULL,
  event_id uuid NOT NULL,
  webhook_id uuid NOT NULL,
  user_id text NOT NULL,
  event_type text NOT NULL,
  state text NOT NULL CHECK (state IN ('DELIVERED', 'FAILED', 'EXPIRED')),
  attempt_count integer NOT NULL,
  attempt_id uuid,
  response_status integer,
  error text,
  finished_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL
) PARTITION BY RANGE (id);

COMMENT ON TABLE nexus.delivery_history IS 'Append only: a delivery that finishes again appends a newer row, and the newest counts.';

CREATE INDEX delivery_history_webhook ON nexus.delivery_history (webhook_id, delivery_id, id);
CREATE INDEX delivery_history_undelivered ON nexus.delivery_history (webhook_id, delivery_id) WHERE state <> 'DELIVERED';

CREATE TABLE nexus.attempt (
  id uuid PRIMARY KEY,
  delivery_id uuid NOT NULL,
  user_id text NOT NULL,
  number integer NOT NULL,
  dispatcher_id uuid NOT NULL,
  is_manual boolean NOT NULL,
  response_status integer,
  response_headers text,
  response_body text,
  error text,
  started_at timestamptz NOT NULL,
  duration_ms integer NOT NULL
) PARTITION BY RANGE (id);

CREATE INDEX attempt_delivery ON nexus.attempt (delivery_id, id);

-- One row per webhook and hour, so that no chart ever scans the history.
CREATE TABLE nexus.webhook_stat (
  webhook_id uuid NOT NULL,
  hour timestamptz NOT NULL,
  delivered bigint NOT NULL DEFAULT 0,
  failed bigint NOT NULL DEFAULT 0,
  attempts bigint NOT NULL DEFAULT 0,
  duration_sum_ms bigint NOT NULL DEFAULT 0,
  within_100_ms bigint NOT NULL DEFAULT 0,
  within_500_ms bigint NOT NULL DEFAULT 0,
  within_1_s bigint NOT NULL DEFAULT 0,
  within_5_s bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (webhook_id, hour)
) WITH (fillfactor = 50);

-- The leases of the dispatchers. Ended ones stay as a record of who took over what.
CREATE TABLE nexus.dispatcher (
  id uuid PRIMARY KEY,
  host text NOT NULL,
  pid integer NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  heartbeat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at timestamptz,
  end_reason text CHECK (end_reason IN ('stopped', 'lapsed')),
  taken_over_by uuid
);

CREATE INDEX dispatcher_live ON nexus.dispatcher (heartbeat_at) WHERE ended_at IS NULL;

-- Replays: background jobs that make deliveries anew, for what failed or for what a webhook missed.
CREATE TABLE nexus.replay (
  id uuid PRIMARY KEY DEFAULT nexus.uuid7(),
  webhook_id uuid NOT NULL REFERENCES nexus.webhook_subscription ON DELETE CASCADE,
  user_id text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('failed', 'missed')),
  since timestamptz NOT NULL,
  until timestamptz NOT NULL,
  cursor uuid NOT NULL,
  total bigint NOT NULL,
  done bigint NOT NULL DEFAULT 0,
  state text NOT NULL DEFAULT 'RUNNING' CHECK (state IN ('RUNNING', 'COMPLETED', 'CANCELLED')),
  created_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz
);

CREATE INDEX replay_running ON nexus.replay (id) WHERE state = 'RUNNING';
CREATE INDEX replay_webhook ON nexus.replay (webhook_id, id);
