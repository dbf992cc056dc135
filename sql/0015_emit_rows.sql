-- A trigger of emit_on reads the rows that changed by the name of their transition table. In a trigger that somebody made
-- without one, that name could be a view of theirs, which would run their code with the rights of the schema's owner. So
-- the function looks first whether the rows are what it reads.

CREATE OR REPLACE FUNCTION nexus.emit_rows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  query text;
  made record;
BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_trigger WHERE tgrelid = TG_RELID AND tgname = TG_NAME
      AND CASE TG_OP WHEN 'DELETE' THEN tgoldtable ELSE tgnewtable END = 'changed'
  ) THEN
    RAISE EXCEPTION 'the trigger % was not made by nexus.emit_on', TG_NAME;
  END IF;
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
