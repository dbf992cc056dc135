-- The schema, its time-ordered ids and the roles that the service and its neighbours use.

CREATE SCHEMA IF NOT EXISTS nexus;

COMMENT ON SCHEMA nexus IS 'Nexus Integrations. Other applications use nexus.outbox and the functions of sql/README.md, nothing else.';

-- UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then random bits. Postgres has its own from 18 on.
CREATE FUNCTION nexus.uuid7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
  SELECT encode(
    set_bit(
      set_bit(
        overlay(
          uuid_send(gen_random_uuid())
          PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
          FROM 1 FOR 6
        ), 52, 1
      ), 53, 1
    ), 'hex'
  )::uuid
$$;

DO $$
BEGIN
  IF current_setting('server_version_num')::int >= 180000 THEN
    CREATE OR REPLACE FUNCTION nexus.uuid7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS 'SELECT uuidv7()';
  END IF;
END
$$;

-- The smallest UUIDv7 of a moment: the bound of a partition, or of a range "since". Moments that no UUIDv7 has, before
-- 1970 and after 10889, count as the first and the last that one has.
CREATE FUNCTION nexus.uuid7_floor(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (lpad(to_hex(least(greatest(floor(extract(epoch FROM moment) * 1000), 0), 281474976710655)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- The moment in a UUIDv7, to the millisecond.
CREATE FUNCTION nexus.uuid7_time(id uuid) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT to_timestamp(('x0000' || translate(left(id::text, 13), '-', ''))::bit(64)::bigint / 1000.0)
$$;

-- Roles belong to the whole server: another database, or another process, may have made them already.
DO $$
DECLARE
  role text;
BEGIN
  FOREACH role IN ARRAY ARRAY['nexus_producer', 'nexus_api'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', role);
      EXCEPTION
        WHEN duplicate_object OR unique_violation THEN NULL;
        WHEN insufficient_privilege THEN
          RAISE EXCEPTION 'The database user % may not create the role %', current_user, role
            USING HINT = format('Let an administrator run: CREATE ROLE %I NOLOGIN; GRANT %I TO %I;', role, role, current_user);
      END;
    END IF;
    -- From Postgres 16 on who creates a role is its member, but may neither become it nor inherit from it.
    IF NOT pg_has_role(current_user, role, CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END) THEN
      EXECUTE format('GRANT %I TO %I', role, current_user);
    END IF;
  END LOOP;
END
$$;
