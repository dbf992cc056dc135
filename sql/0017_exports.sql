-- Exports: runs that bring a user's contacts to a provider of files, as one file.

ALTER TABLE nexus.sync_run
  ADD COLUMN format text CHECK (format IN ('csv', 'json')),
  ADD COLUMN file json,
  ADD COLUMN upload text;

COMMENT ON COLUMN nexus.sync_run.format IS 'Of the file that the run makes; null for one that brings contacts one by one.';
COMMENT ON COLUMN nexus.sync_run.file IS 'The file as the provider has it, once it is there.';
COMMENT ON COLUMN nexus.sync_run.upload IS 'Sealed by the vault: where the upload goes on, which may be the address of an upload session.';

ALTER TABLE nexus.integration
  ADD COLUMN export_every text GENERATED ALWAYS AS (settings ->> 'exportEvery') STORED,
  ADD COLUMN export_at timestamptz;

COMMENT ON COLUMN nexus.integration.export_at IS 'When the next export by schedule is due.';
CREATE INDEX integration_export_at ON nexus.integration (export_at) WHERE export_at IS NOT NULL;

CREATE FUNCTION nexus.export_interval(every text) RETURNS interval LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE every
    WHEN 'hour' THEN interval '1 hour' WHEN 'day' THEN interval '1 day'
    WHEN 'week' THEN interval '7 days' WHEN 'month' THEN interval '1 month'
  END
$$;
REVOKE ALL ON FUNCTION nexus.export_interval(text) FROM PUBLIC;
