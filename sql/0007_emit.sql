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

-- The query that makes events of the rows `changed`: user id and payload of each, as texts. The columns are written by
-- their own output functions and by to_json for types that came with Postgres; never through a cast, which for a type
-- of the application's own would be a function of the application's own, run here with the rights of the service. Nor
-- through the json operators, which refuse an escaped NUL in a column that is JSON itself. Columns that are gone since
-- emit_on was called are null.
CREATE FUNCTION nexus.emit_query(target oid, user_id text, columns text[]) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE type_of AS (
    SELECT attname, type.oid, typtype, typbasetype, typcategory
    FROM pg_attribute JOIN pg_type AS type ON type.oid = atttypid
    WHERE attrelid = target AND attnum > 0 AND NOT attisdropped AND attname = ANY (columns || user_id)
    UNION ALL
    SELECT attname, type.oid, type.typtype, type.typbasetype, type.typcategory
    FROM type_of JOIN pg_type AS type ON type.oid = type_of.typbasetype
    WHERE type_of.typtype = 'd'
  ), written AS (
    SELECT attname, CASE
      WHEN oid < 16384 THEN format('to_json(c.%I)', attname)
      WHEN typcategory = 'A' THEN format('CASE WHEN c.%1$I IS NOT NULL THEN to_json(concat(c.%1$I)::text[]) END', attname)
      ELSE format('CASE WHEN c.%1$I IS NOT NULL THEN to_json(concat(c.%1$I)) END', attname) END AS expression
    FROM type_of WHERE typtype <> 'd'
  )
  SELECT format('SELECT %s AS user_id, ''{'' || array_to_string(ARRAY[%s], '','') || ''}'' AS payload FROM changed AS c',
    coalesce((SELECT format('concat(c.%I)', attname) FROM written WHERE attname = user_id), quote_literal('')),
    string_agg(format('%L || coalesce((%s)::text, ''null'')', to_json(name)::text || ':', coalesce(expression, 'NULL')), ', ' ORDER BY ordinal))
  FROM unnest(columns) WITH ORDINALITY AS _ (name, ordinal) LEFT JOIN written ON attname = name
$$;

-- The trigger of emit_on: one INSERT for a whole statement, however many rows it touched. It runs inside another
-- application's transaction, so nothing that happens in here may end that transaction: when the INSERT fails, the rows
-- go one by one; a row that can't be emitted becomes a dead letter, and what can't even be that is a warning.
-- Arguments: event type, user id column, columns.
CREATE FUNCTION nexus.emit_rows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  query text;
  made record;
BEGIN
  IF NOT EXISTS (SELECT FROM changed) THEN
    RETURN NULL;
  END IF;
  query := nexus.emit_query(TG_RELID, TG_ARGV[1], TG_ARGV[2]::text[]);
  BEGIN
    EXECUTE format('INSERT INTO nexus.outbox (user_id, event_type, payload) SELECT user_id, $1, payload::json FROM (%s) AS made', query)
    USING TG_ARGV[0];
    RETURN NULL;
  EXCEPTION
    WHEN query_canceled OR admin_shutdown OR crash_shutdown THEN RAISE;
    WHEN OTHERS THEN NULL;
  END;
  FOR made IN EXECUTE query LOOP
    BEGIN
      INSERT INTO nexus.outbox (user_id, event_type, payload) VALUES (made.user_id, TG_ARGV[0], made.payload::json);
    EXCEPTION
      WHEN query_canceled OR admin_shutdown OR crash_shutdown THEN RAISE;
      WHEN OTHERS THEN
        INSERT INTO nexus.dead_letter (id, user_id, event_type, payload, reason, created_at)
        VALUES (nexus.uuid7(), made.user_id, TG_ARGV[0], made.payload::json,
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
  IF coalesce(upper(operation), '') NOT IN ('INSERT', 'UPDATE', 'DELETE') THEN
    RAISE EXCEPTION 'nexus.emit_on: the operation "%" is none of INSERT, UPDATE, DELETE', operation;
  END IF;
  IF coalesce(cardinality(columns), 0) = 0 THEN
    RAISE EXCEPTION 'nexus.emit_on: name the columns to send, for example columns => ''{id,title}''';
  END IF;
  IF coalesce(event_type, '') !~ '^[A-Za-z][A-Za-z0-9_.]{0,63}$' THEN
    RAISE EXCEPTION 'nexus.emit_on: "%" is not an event type; use letters, digits, _ and ., and begin with a letter', event_type;
  END IF;
  SELECT string_agg(coalesce(quote_ident(name), 'NULL'), ', ') INTO missing
  FROM unnest(columns || user_id) AS name
  WHERE NOT EXISTS (
    SELECT FROM pg_attribute WHERE attrelid = target AND attname = name AND attnum > 0 AND NOT attisdropped
  );
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION 'nexus.emit_on: % has no column %', target, missing;
  END IF;
  IF (SELECT count(DISTINCT name) < count(*) FROM unnest(columns) AS name) THEN
    RAISE EXCEPTION 'nexus.emit_on: a column is named twice in %', columns;
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
