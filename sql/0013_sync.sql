-- Sync: runs that bring a user's contacts to a provider, and what became of each contact there.

CREATE TABLE nexus.sync_run (
  id uuid PRIMARY KEY DEFAULT nexus.uuid7(),
  integration_id uuid NOT NULL,
  user_id text NOT NULL,
  provider text NOT NULL,
  trigger text NOT NULL CHECK (trigger IN ('manual', 'automatic')),
  state text NOT NULL DEFAULT 'RUNNING' CHECK (state IN ('RUNNING', 'WAITING', 'COMPLETED', 'FAILED', 'CANCELLED')),
  is_full boolean NOT NULL DEFAULT false,
  is_dry_run boolean NOT NULL DEFAULT false,
  since xid8,
  snapshot xid8 NOT NULL DEFAULT pg_snapshot_xmin(pg_current_snapshot()),
  position uuid,
  total integer NOT NULL DEFAULT 0,
  created integer NOT NULL DEFAULT 0,
  updated integer NOT NULL DEFAULT 0,
  unchanged integer NOT NULL DEFAULT 0,
  rejected integer NOT NULL DEFAULT 0,
  unconfirmed integer NOT NULL DEFAULT 0,
  removed integer NOT NULL DEFAULT 0,
  pending integer NOT NULL DEFAULT 0,
  error text,
  error_kind text,
  is_cancelled boolean NOT NULL DEFAULT false,
  account_id text,
  sent_as text,
  lease uuid,
  leased_until timestamptz,
  wake_at timestamptz,
  waits integer NOT NULL DEFAULT 0,
  troubles integer NOT NULL DEFAULT 0,
  started_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz
);

COMMENT ON COLUMN nexus.sync_run.since IS 'Only contacts that changed in this transaction or later; null: all of them.';
COMMENT ON COLUMN nexus.sync_run.snapshot IS 'Every transaction before this one was visible when the run began.';
COMMENT ON COLUMN nexus.sync_run.position IS 'The last contact that is done: where the run goes on, whoever goes on with it.';
COMMENT ON COLUMN nexus.sync_run.pending IS 'Contacts that the provider works on in the background.';
COMMENT ON COLUMN nexus.sync_run.lease IS 'Stands for one claim of the run by one process; only who has it writes what becomes of the run.';
COMMENT ON COLUMN nexus.sync_run.account_id IS 'Of the integration when the run began; what was sent to another account is not written down.';
COMMENT ON COLUMN nexus.sync_run.sent_as IS 'The settings that decide what a contact is sent as, in short, when the run began.';
COMMENT ON COLUMN nexus.sync_run.waits IS 'How often in a row the provider was still working; the waits grow with it.';
COMMENT ON COLUMN nexus.sync_run.troubles IS 'How often in a row the run was put off by its provider, or lost its process, without getting on.';

-- One run at a time for an integration, in whatever process.
CREATE UNIQUE INDEX sync_run_open ON nexus.sync_run (integration_id) WHERE state IN ('RUNNING', 'WAITING');
CREATE INDEX sync_run_due ON nexus.sync_run (coalesce(leased_until, wake_at)) WHERE state IN ('RUNNING', 'WAITING');
CREATE INDEX sync_run_lease ON nexus.sync_run (lease) WHERE lease IS NOT NULL;
CREATE INDEX sync_run_user ON nexus.sync_run (user_id, provider, id);
CREATE INDEX sync_run_finished_at ON nexus.sync_run (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE nexus.sync_record (
  integration_id uuid NOT NULL REFERENCES nexus.integration ON DELETE CASCADE,
  contact_id uuid NOT NULL,
  user_id text NOT NULL,
  email text NOT NULL,
  external_id text,
  hash text,
  outcome text NOT NULL CHECK (outcome IN ('created', 'updated', 'unchanged', 'rejected', 'pending', 'unconfirmed')),
  reason text,
  field text,
  is_retryable boolean NOT NULL DEFAULT false,
  job text,
  run_id uuid NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (integration_id, contact_id)
);

COMMENT ON COLUMN nexus.sync_record.hash IS 'Of what was sent last and is accounted for: a contact with the same hash is not sent again.';

CREATE INDEX sync_record_job ON nexus.sync_record (integration_id, job, contact_id) WHERE job IS NOT NULL;

-- What is sent again although it has not changed.
CREATE INDEX sync_record_unsettled ON nexus.sync_record (integration_id, contact_id)
  WHERE outcome IN ('pending', 'unconfirmed') OR is_retryable;

CREATE TABLE nexus.sync_reject (
  run_id uuid NOT NULL REFERENCES nexus.sync_run ON DELETE CASCADE,
  contact_id uuid NOT NULL,
  user_id text NOT NULL,
  email text NOT NULL,
  reason text NOT NULL,
  field text,
  PRIMARY KEY (run_id, contact_id)
);

COMMENT ON TABLE nexus.sync_reject IS 'Why contacts were rejected, run by run; sync_record only knows the last outcome.';

-- What automatic syncs start from: users whose contacts changed. Rows of their own, so that no two transactions that
-- write contacts ever wait for one another.
CREATE TABLE nexus.contact_change (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id text NOT NULL
);

-- Per integration, up to where automatic syncs have looked, and when the next one begins.
ALTER TABLE nexus.integration ADD COLUMN synced_to xid8, ADD COLUMN synced_as text,
  ADD COLUMN sync_at timestamptz DEFAULT now();
COMMENT ON COLUMN nexus.integration.synced_as IS 'The settings, in short, that contacts were sent by up to synced_to.';
CREATE INDEX integration_sync_at ON nexus.integration (sync_at) WHERE auto_sync AND sync_at IS NOT NULL;
CREATE INDEX integration_auto_sync ON nexus.integration (user_id) WHERE auto_sync;

-- The contacts that an automatic sync looks at: changed since a transaction, or not settled.
CREATE FUNCTION nexus.contacts_to_send(integration uuid, user_id text, since xid8) RETURNS SETOF uuid LANGUAGE sql STABLE AS $$
  SELECT id FROM nexus.contact WHERE contact.user_id = $2 AND changed_in >= since
  UNION
  SELECT contact_id FROM nexus.sync_record
  WHERE integration_id = integration AND (outcome IN ('pending', 'unconfirmed') OR is_retryable)
$$;
REVOKE ALL ON FUNCTION nexus.contacts_to_send(uuid, text, xid8) FROM PUBLIC;

CREATE FUNCTION nexus.note_contact_changes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO nexus.contact_change (user_id)
  SELECT DISTINCT changed.user_id FROM changed
  WHERE EXISTS (SELECT FROM nexus.integration WHERE integration.user_id = changed.user_id AND integration.auto_sync);
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION nexus.note_contact_changes() FROM PUBLIC;

CREATE TRIGGER note_inserts AFTER INSERT ON nexus.contact
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION nexus.note_contact_changes();
CREATE TRIGGER note_updates AFTER UPDATE ON nexus.contact
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION nexus.note_contact_changes();
CREATE TRIGGER note_deletes AFTER DELETE ON nexus.contact
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION nexus.note_contact_changes();

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['sync_run', 'sync_record', 'sync_reject'] LOOP
    EXECUTE format('ALTER TABLE nexus.%I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY own_rows ON nexus.%I TO nexus_api USING (nexus.is_current_user(user_id)) WITH CHECK (nexus.is_current_user(user_id))', name);
  END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE ON nexus.sync_run TO nexus_api;
GRANT SELECT, DELETE ON nexus.sync_record TO nexus_api;
GRANT SELECT ON nexus.sync_reject TO nexus_api;
