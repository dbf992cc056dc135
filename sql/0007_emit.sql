-- The functions that other applications call; sql/README.md is their manual.

CREATE FUNCTION nexus.emit(user_id text, event_type text, payload json, idempotency_key text DEFAULT NULL, traceparent text DEFAULT NULL)
RETURNS uuid LANGUAGE sql AS $$
  INSERT INTO nexus.outbox (user_id, event_type, payload, idempotency_key, traceparent)
  VALUES (user_id, event_type, payload, idempotency_key, traceparent)
  RETURNING id
$$;

CREATE FUNCTION nexus.emit(user_id text, event_type text, payload jsonb, idempotency_key text DEFAULT NULL, traceparent text DEFAULT NULL)
RETURNS uuid LANGUAGE sql AS $$
  SELECT nexus.emit(user_id, event_type, payload::text::json, idempotency_key, traceparent)
$$;

-- A string literal has no type of its own; this form is the one that it takes.
CREATE FUNCTION nexus.emit(user_id text, event_type text, payload text, idempotency_key text DEFAULT NULL, traceparent text DEFAULT NULL)
RETURNS uuid LANGUAGE sql AS $$
  SELECT nexus.emit(user_id, event_type, payload::json, idempotency_key, traceparent)
$$;

-- Some members of an object, in the order of their names here, each value as it is written there.
CREATE FUNCTION nexus.json_pick(document json, names text[]) RETURNS json LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ('{' || coalesce(string_agg(to_json(name)::text || ':' || coalesce((document -> name)::text, 'null'), ',' ORDER BY ordinal), '') || '}')::json
  FROM unnest(names) WITH ORDINALITY AS _ (name, ordinal)
$$;

-- The trigger of emit_on: one INSERT for a whole statement, however many rows it touched. It runs inside another
-- application's transaction, so nothing that happens in here may end that transaction: when the INSERT fails, the rows
-- go one by one; a row that can't be emitted becomes a dead letter, and what can't even be that is a warning.
-- Arguments: event type, user id column, columns.
CREATE FUNCTION nexus.emit_rows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  row json;
BEGIN
  BEGIN
    INSERT INTO nexus.outbox (user_id, event_type, payload)
    SELECT coalesce(document ->> TG_ARGV[1], ''), TG_ARGV[0], nexus.json_pick(document, TG_ARGV[2]::text[])
    FROM changed, to_json(changed) AS document;
    RETURN NULL;
  EXCEPTION
    WHEN query_canceled OR admin_shutdown OR crash_shutdown THEN RAISE;
    WHEN OTHERS THEN NULL;
  END;
  FOR row IN SELECT to_json(changed) FROM changed LOOP
    BEGIN
      INSERT INTO nexus.outbox (user_id, event_type, payload)
      VALUES (coalesce(row ->> TG_ARGV[1], ''), TG_ARGV[0], nexus.json_pick(row, TG_ARGV[2]::text[]));
    EXCEPTION
      WHEN query_canceled OR admin_shutdown OR crash_shutdown THEN RAISE;
      WHEN OTHERS THEN
        INSERT INTO nexus.dead_letter (id, user_id, event_type, payload, reason, created_at)
        VALUES (nexus.uuid7(), '', TG_ARGV[0], nexus.json_pick(row, TG_ARGV[2]::text[]),
          format('The trigger on %I.%I could not emit this row: %s', TG_TABLE_SCHEMA, TG_TABLE_NAME, SQLERRM), now());
    END;
  END LOOP;
  RETURN NULL;
EXCEPTION
  WHEN query_canceled OR admin_shutdown OR crash_shutdown THEN RAISE;
  WHEN OTHERS THEN
    RAISE WARNING 'nexus.emit_on: % on %.% sent no event: %', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME, SQLERRM;
    RETURN NULL;
END
$$;

-- The trigger's name carries operation and event type, so that emit_on is repeatable and emit_off finds it.
CREATE FUNCTION nexus.emit_trigger(operation text, event_type text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT 'nexus_emit_' || lower(operation) || '_' || CASE
    WHEN length(event_type) <= 40 THEN event_type ELSE left(event_type, 31) || '_' || left(md5(event_type), 8) END
$$;

-- Emits an event for every row that an operation (INSERT, UPDATE or DELETE) touches in a table. Runs with the rights
-- of its caller, who needs TRIGGER on the table.
CREATE FUNCTION nexus.emit_on(target regclass, operation text, event_type text, user_id text, columns text[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  missing text;
BEGIN
  IF upper(operation) NOT IN ('INSERT', 'UPDATE', 'DELETE') THEN
    RAISE EXCEPTION 'nexus.emit_on: the operation "%" is none of INSERT, UPDATE, DELETE', operation;
  END IF;
  IF coalesce(cardinality(columns), 0) = 0 THEN
    RAISE EXCEPTION 'nexus.emit_on: name the columns to send, for example columns => ''{id,title}''';
  END IF;
  IF event_type !~ '^[A-Za-z][A-Za-z0-9_.]{0,63}$' THEN
    RAISE EXCEPTION 'nexus.emit_on: "%" is not an event type; use letters, digits, _ and ., and begin with a letter', event_type;
  END IF;
  SELECT string_agg(quote_ident(name), ', ') INTO missing
  FROM unnest(columns || user_id) AS name
  WHERE NOT EXISTS (
    SELECT FROM pg_attribute WHERE attrelid = target AND attname = name AND attnum > 0 AND NOT attisdropped
  );
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION 'nexus.emit_on: % has no column %', target, missing;
  END IF;
  EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER %s ON %s REFERENCING %s TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION nexus.emit_rows(%L, %L, %L)',
    nexus.emit_trigger(operation, event_type), upper(operation), target, CASE upper(operation) WHEN 'DELETE' THEN 'OLD' ELSE 'NEW' END,
    event_type, user_id, columns::text);
END
$$;

CREATE FUNCTION nexus.emit_off(target regclass, operation text, event_type text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', nexus.emit_trigger(operation, event_type), target);
END
$$;
