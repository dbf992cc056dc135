-- How producers wake a sleeping dispatcher without standing in line for it.

-- NOTIFY takes a lock of the whole database until commit, so only a dispatcher that sleeps is notified. The sequence
-- is the flag: 2 while one sleeps, 1 otherwise. Sequences ignore transactions and take no lock through commit.
-- Between a producer's look and its commit the flag may change; the dispatcher's poll covers that.
CREATE UNLOGGED SEQUENCE nexus.sleeper MINVALUE 1 MAXVALUE 2 CYCLE;

-- Functions with the rights of their owner search pg_temp last: else a caller's temporary type of the name text would
-- count before Postgres's own, and its CHECK would run with those rights.
CREATE FUNCTION nexus.wake_dispatcher() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF (SELECT last_value FROM nexus.sleeper) = 2 AND coalesce(current_setting('nexus.notify', true), 'on') <> 'off' THEN
    PERFORM setval('nexus.sleeper', 1);
    PERFORM pg_notify('nexus_wake', '');
  END IF;
  RETURN NULL;
END
$$;

SELECT setval('nexus.sleeper', 1);

CREATE TRIGGER wake_dispatcher AFTER INSERT ON nexus.outbox FOR EACH STATEMENT EXECUTE FUNCTION nexus.wake_dispatcher();
