-- Who may do what. nexus_producer writes events and nothing else; nexus_api is the role of the API's transactions and
-- sees only the rows of the user whose id it has set. The service's own role, the owner, sees all.

REVOKE ALL ON SCHEMA nexus FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA nexus FROM PUBLIC;

GRANT USAGE ON SCHEMA nexus TO nexus_producer, nexus_api;

GRANT INSERT (user_id, event_type, payload, idempotency_key, traceparent) ON nexus.outbox TO nexus_producer;
-- RETURNING id needs to read it, and an id alone says nothing.
GRANT SELECT (id) ON nexus.outbox TO nexus_producer;
GRANT EXECUTE ON FUNCTION
  nexus.uuid7(),
  nexus.emit(text, text, json, text, text),
  nexus.emit(text, text, jsonb, text, text),
  nexus.emit(text, text, text, text, text),
  nexus.emit_on(regclass, text, text, text, text[]),
  nexus.emit_off(regclass, text, text),
  nexus.emit_trigger(text, text),
  nexus.emit_rows()
TO nexus_producer;

GRANT SELECT, INSERT, UPDATE, DELETE ON nexus.webhook_subscription, nexus.delivery, nexus.replay, nexus.idempotency_key TO nexus_api;
GRANT SELECT ON nexus.event, nexus.delivery_history, nexus.attempt, nexus.webhook_stat, nexus.event_type TO nexus_api;
GRANT SELECT, INSERT ON nexus.audit_log, nexus.event TO nexus_api;
GRANT INSERT, SELECT ON nexus.outbox TO nexus_api;
GRANT EXECUTE ON FUNCTION nexus.uuid7(), nexus.uuid7_floor(timestamptz), nexus.uuid7_time(uuid),
  nexus.event_body(text, timestamptz, json), nexus.delivery_id(uuid, uuid) TO nexus_api;

-- An empty setting sees nothing.
CREATE FUNCTION nexus.is_current_user(user_id text) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT user_id = nullif(current_setting('nexus.user_id', true), '')
$$;

REVOKE ALL ON FUNCTION nexus.is_current_user(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nexus.is_current_user(text) TO nexus_api;

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['webhook_subscription', 'event', 'delivery', 'delivery_history', 'attempt', 'replay', 'idempotency_key', 'audit_log'] LOOP
    EXECUTE format('ALTER TABLE nexus.%I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY own_rows ON nexus.%I TO nexus_api USING (nexus.is_current_user(user_id)) WITH CHECK (nexus.is_current_user(user_id))', name);
  END LOOP;
END
$$;

ALTER TABLE nexus.webhook_stat ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON nexus.webhook_stat TO nexus_api
  USING (EXISTS (SELECT FROM nexus.webhook_subscription WHERE id = webhook_id));

ALTER TABLE nexus.outbox ENABLE ROW LEVEL SECURITY;
CREATE POLICY any_row ON nexus.outbox FOR INSERT TO nexus_producer WITH CHECK (NOT is_system);
CREATE POLICY id_of_any_row ON nexus.outbox FOR SELECT TO nexus_producer USING (true);
CREATE POLICY own_rows ON nexus.outbox TO nexus_api USING (nexus.is_current_user(user_id)) WITH CHECK (nexus.is_current_user(user_id));
