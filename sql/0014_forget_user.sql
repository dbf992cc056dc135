-- Erases a user everywhere, as the law asks for.

CREATE FUNCTION nexus.forget_user(id text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  name text;
  found bigint;
  erased bigint := 0;
BEGIN
  DELETE FROM nexus.webhook_stat WHERE webhook_id IN (SELECT webhook.id FROM nexus.webhook_subscription AS webhook WHERE user_id = $1);
  GET DIAGNOSTICS erased = ROW_COUNT;
  -- Whatever table there is, with what has not happened yet first: nothing of it may become something elsewhere.
  -- Deliveries come before their webhooks by name, which is the order in which dispatchers lock both.
  FOR name IN
    SELECT class.relname FROM pg_catalog.pg_class AS class
    JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = class.oid
    WHERE class.relnamespace = 'nexus'::regnamespace AND class.relkind IN ('r', 'p') AND NOT class.relispartition
      AND attribute.attname = 'user_id' AND NOT attribute.attisdropped
    ORDER BY class.relname <> 'outbox', class.relname
  LOOP
    EXECUTE format('DELETE FROM nexus.%I WHERE user_id = $1', name) USING $1;
    GET DIAGNOSTICS found = ROW_COUNT;
    erased := erased + found;
  END LOOP;
  RETURN erased;
END
$$;

COMMENT ON FUNCTION nexus.forget_user(text) IS 'Erases a user and all that is kept of them; gives the number of rows. It revokes no credentials at providers: disconnect those first. Copies in backups are not reached.';

REVOKE ALL ON FUNCTION nexus.forget_user(text) FROM PUBLIC;
