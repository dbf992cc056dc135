-- Connections that are renewed by themselves, and what plugins remember about them.

ALTER TABLE nexus.integration
  ADD COLUMN connection uuid NOT NULL DEFAULT gen_random_uuid(),
  ADD COLUMN refresh_lease uuid,
  ADD COLUMN refresh_until timestamptz;

COMMENT ON COLUMN nexus.integration.connection IS 'Another one each time it is connected, and the same while its tokens are renewed.';
COMMENT ON COLUMN nexus.integration.refresh_lease IS 'Who exchanges the refresh token at the moment: only they may write the new tokens.';

-- Another integration of the same account may share its grant.
CREATE INDEX integration_account ON nexus.integration (provider, account_id);

CREATE TABLE nexus.integration_memory (
  integration_id uuid NOT NULL REFERENCES nexus.integration ON DELETE CASCADE,
  user_id text NOT NULL,
  key text NOT NULL CHECK (length(key) BETWEEN 1 AND 64),
  value text NOT NULL CHECK (length(value) <= 1024),
  PRIMARY KEY (integration_id, key)
);

COMMENT ON TABLE nexus.integration_memory IS 'What plugins remember about the account: ids of folders and the like, no secrets.';

ALTER TABLE nexus.integration_memory ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON nexus.integration_memory TO nexus_api
  USING (nexus.is_current_user(user_id)) WITH CHECK (nexus.is_current_user(user_id));
GRANT SELECT, DELETE ON nexus.integration_memory TO nexus_api;
