-- The outbox, where events enter, and what fan-out makes of its rows: events, or dead letters.

-- A row lives here only until fan-out. Its payload is json, not jsonb: key order and the spelling of numbers stay.
CREATE TABLE nexus.outbox (
  id uuid PRIMARY KEY DEFAULT nexus.uuid7(),
  user_id text NOT NULL,
  event_type text NOT NULL,
  payload json NOT NULL,
  idempotency_key text,
  traceparent text,
  is_system boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000);

CREATE TABLE nexus.event (
  id uuid PRIMARY KEY,
  user_id text NOT NULL,
  type text NOT NULL,
  body text NOT NULL,
  traceparent text,
  webhook_id uuid,
  created_at timestamptz NOT NULL
) PARTITION BY RANGE (id);

COMMENT ON COLUMN nexus.event.body IS 'The exact text that is sent, the same for every attempt.';
COMMENT ON COLUMN nexus.event.webhook_id IS 'The only webhook that it is for: a test. Null for an event that happened.';

-- The body of an event: put together from the text of the payload, which reaches the consumer as it was written.
CREATE FUNCTION nexus.event_body(event_type text, moment timestamptz, payload json) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT '{"event":"' || event_type || '","timestamp":"' || to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
    || '","data":' || payload::text || '}'
$$;

CREATE INDEX event_user ON nexus.event (user_id, id);

-- An idempotency key counts for 24 hours; the same key of the same user within them is the same event.
CREATE TABLE nexus.event_key (
  user_id text NOT NULL,
  key text NOT NULL,
  event_id uuid NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (user_id, key)
);

CREATE INDEX event_key_created_at ON nexus.event_key (created_at);

-- Outbox rows that can't be fanned out. Nullable where a trigger had nothing better.
CREATE TABLE nexus.dead_letter (
  id uuid PRIMARY KEY,
  user_id text NOT NULL,
  event_type text NOT NULL,
  payload json,
  idempotency_key text,
  traceparent text,
  reason text NOT NULL,
  created_at timestamptz NOT NULL,
  died_at timestamptz NOT NULL DEFAULT now()
);

-- How deep objects and lists nest. Called only for texts with very many brackets.
CREATE FUNCTION nexus.json_depth(document text) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  WITH bracket AS (
    SELECT ordinal, CASE WHEN mark IN ('{', '[') THEN 1 ELSE -1 END AS step
    FROM string_to_table(
      regexp_replace(regexp_replace(document, '"([^"\\]|\\.)*"', '', 'g'), '[^][{}]', '', 'g'), NULL
    ) WITH ORDINALITY AS _ (mark, ordinal)
  ), level AS (
    SELECT sum(step) OVER (ORDER BY ordinal) AS depth FROM bracket
  )
  SELECT coalesce(max(depth), 0)::bigint FROM level
$$;

-- Why a row can't become an event; null when it can. People read these sentences. STABLE, because a cast of json to
-- text is: declared IMMUTABLE it could not be inlined, and took more than half of the fan-out's time.
CREATE FUNCTION nexus.outbox_fault(user_id text, event_type text, kind text, is_system boolean, payload json, idempotency_key text)
RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN user_id = '' THEN 'The user id is empty.'
    WHEN length(user_id) > 255 THEN 'The user id is longer than 255 characters.'
    WHEN kind IS NULL THEN 'The event type "' || left(event_type, 64) || '" is unknown. Create it first, or correct its spelling.'
    WHEN kind = 'system' AND NOT is_system THEN 'The event type "' || event_type || '" is reserved for the service itself.'
    WHEN length(idempotency_key) > 255 THEN 'The idempotency key is longer than 255 characters.'
    WHEN octet_length(payload::text) > 262144 THEN 'The payload has ' || octet_length(payload::text) || ' bytes; at most 262144 (256 KiB) are allowed.'
    WHEN json_typeof(payload) <> 'object' THEN 'The payload is JSON of type ' || json_typeof(payload) || '; it must be an object.'
    WHEN octet_length(payload::text) > 256
      AND octet_length(payload::text) - octet_length(replace(replace(payload::text, '{', ''), '[', '')) > 128
      AND nexus.json_depth(payload::text) > 128
      THEN 'The payload nests deeper than 128 levels, which many JSON parsers refuse.'
  END
$$;
