-- Contacts of users, whatever they come from: the API, an import, or a table of another application.

-- The address has the collation "C", so that lower(email) means the same in every locale: in a Turkish one, "I" would
-- become another letter, and one address two contacts.
CREATE TABLE nexus.contact (
  id uuid PRIMARY KEY DEFAULT nexus.uuid7(),
  user_id text NOT NULL,
  card_id text,
  first_name text,
  last_name text,
  email text COLLATE "C" NOT NULL CHECK (length(email) BETWEEN 3 AND 254 AND email = btrim(email)),
  phone text,
  company text,
  job_title text,
  tags text[] NOT NULL DEFAULT '{}',
  custom_fields jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  changed_in xid8 NOT NULL DEFAULT pg_current_xact_id()
);

COMMENT ON COLUMN nexus.contact.changed_in IS 'The transaction that changed the row last, for who looks for what changed since a snapshot.';

CREATE UNIQUE INDEX contact_email ON nexus.contact (user_id, lower(email));
CREATE INDEX contact_user ON nexus.contact (user_id, id);
CREATE INDEX contact_changed ON nexus.contact (user_id, changed_in);

-- What changed since a snapshot is what carries a transaction id that the snapshot did not see: exact also for
-- transactions that commit late, which a time or a sequence would pass over. An update that changes nothing must
-- therefore not look like a change: it is left out whole (its RETURNING has no row), and costs no new version either.
CREATE FUNCTION nexus.contact_changed() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NEW IS NOT DISTINCT FROM OLD THEN
    RETURN NULL;
  END IF;
  NEW.updated_at := now();
  NEW.changed_in := pg_current_xact_id();
  RETURN NEW;
END
$$;

CREATE TRIGGER contact_changed BEFORE UPDATE ON nexus.contact FOR EACH ROW EXECUTE FUNCTION nexus.contact_changed();

REVOKE ALL ON FUNCTION nexus.contact_changed() FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON nexus.contact TO nexus_api;

ALTER TABLE nexus.contact ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON nexus.contact TO nexus_api USING (nexus.is_current_user(user_id)) WITH CHECK (nexus.is_current_user(user_id));
