-- Daily partitions of the three tables that grow: events, history, attempts.

-- The partition of a table for a day. It is filled in beside the table and attached, because creating it in place
-- would lock out every reader and writer of the whole table.
CREATE FUNCTION nexus.add_partition(parent text, day date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  child text := format('%s_%s', parent, to_char(day, 'YYYYMMDD'));
  low uuid := nexus.uuid7_floor(day::timestamp AT TIME ZONE 'UTC');
  high uuid := nexus.uuid7_floor((day + 1)::timestamp AT TIME ZONE 'UTC');
BEGIN
  IF EXISTS (
    SELECT FROM pg_inherits WHERE inhrelid = to_regclass(format('nexus.%I', child))
  ) THEN
    RETURN false;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('nexus.add_partition'), hashtext(child));
  IF EXISTS (
    SELECT FROM pg_inherits WHERE inhrelid = to_regclass(format('nexus.%I', child))
  ) THEN
    RETURN false;
  END IF;
  SET LOCAL lock_timeout = '2s';
  EXECUTE format('CREATE TABLE IF NOT EXISTS nexus.%I (LIKE nexus.%I INCLUDING ALL, CONSTRAINT %I CHECK (id >= %L AND id < %L))',
    child, parent, child || '_range', low, high);
  EXECUTE format('ALTER TABLE nexus.%I ATTACH PARTITION nexus.%I FOR VALUES FROM (%L) TO (%L)', parent, child, low, high);
  EXECUTE format('ALTER TABLE nexus.%I DROP CONSTRAINT %I', child, child || '_range');
  RETURN true;
END
$$;

-- Every partition from a day on, up to a week ahead; says how many were new. The day before today is there for
-- processes whose clock is behind the database's.
CREATE FUNCTION nexus.add_partitions(since timestamptz DEFAULT now() - interval '1 day') RETURNS bigint LANGUAGE sql AS $$
  SELECT count(*) FILTER (WHERE nexus.add_partition(parent, day::date))
  FROM unnest(ARRAY['event', 'delivery_history', 'attempt']) AS parent,
    generate_series((since AT TIME ZONE 'UTC')::date, (now() AT TIME ZONE 'UTC')::date + 7, '1 day') AS day
$$;

SELECT nexus.add_partitions();
