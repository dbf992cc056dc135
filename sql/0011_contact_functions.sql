-- Contacts from other applications: single ones, and tables that contacts follow. sql/README.md is the manual.

-- Functions that only other functions of this file call have no search path of their own: it is that of their callers,
-- and setting one costs more than most of them do.

-- Why something can't be a contact; null when it can. People read these sentences. The pattern is that of
-- <input type=email> in the HTML standard, with at least one dot in the domain; in parts, because Postgres builds the
-- automaton of a pattern anew for each text, and that of a bounded repetition is large.
CREATE FUNCTION nexus.contact_fault(
  user_id text, email text, first_name text, last_name text, phone text, company text, job_title text, card_id text,
  tags text[], custom_fields jsonb
) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  address text COLLATE "C" := coalesce(btrim(email), '');
  fault text;
BEGIN
  fault := CASE
    WHEN coalesce(user_id, '') = '' THEN 'The user id is empty.'
    WHEN length(user_id) > 255 THEN 'The user id is longer than 255 characters.'
    WHEN address = '' THEN 'The contact has no email address.'
    WHEN length(address) > 254 THEN 'The email address is longer than 254 characters.'
    WHEN address !~ '^[A-Za-z0-9.!#$%&''*+/=?^_`{|}~-]+@([A-Za-z0-9-]+\.)+[A-Za-z0-9-]+$' OR address ~ '@-|\.-|-\.|-$'
      OR strpos(address, '@') > 65 OR (length(address) > 64 AND address ~ '@.*[^.]{64}')
      THEN 'The email address is not of the form name@example.com.'
    WHEN length(first_name) > 255 THEN 'The first name is longer than 255 characters.'
    WHEN length(last_name) > 255 THEN 'The last name is longer than 255 characters.'
    WHEN length(phone) > 64 THEN 'The phone number is longer than 64 characters.'
    WHEN length(company) > 255 THEN 'The company is longer than 255 characters.'
    WHEN length(job_title) > 255 THEN 'The job title is longer than 255 characters.'
    WHEN length(card_id) > 255 THEN 'The card id is longer than 255 characters.'
    WHEN cardinality(tags) > 100 THEN 'There are more than 100 tags.'
    WHEN jsonb_typeof(custom_fields) <> 'object' THEN 'The custom fields are not a JSON object.'
  END;
  -- Queries only where there is something to ask: without them, the rest is evaluated with no plan at all.
  IF fault IS NULL AND cardinality(tags) > 0 THEN
    IF EXISTS (SELECT FROM unnest(tags) AS tag WHERE tag IS NULL OR tag !~ '^\S(.*\S)?$' OR length(tag) > 100) THEN
      fault := 'A tag is empty, longer than 100 characters, or has spaces at its ends.';
    END IF;
  END IF;
  IF fault IS NULL AND custom_fields <> '{}' THEN
    SELECT CASE WHEN count(*) > 100 THEN 'There are more than 100 custom fields.' ELSE min(CASE
      WHEN key !~ '^[A-Za-z][A-Za-z0-9_]{0,63}$' THEN 'The custom field "' || left(key, 64) || '" is not named with a letter, then up to 63 letters, digits and _.'
      WHEN jsonb_typeof(value) NOT IN ('string', 'number', 'boolean', 'null') THEN 'The custom field "' || key || '" is neither a text, a number, a boolean nor null.'
      WHEN length(value #>> '{}') > 4096 THEN 'The custom field "' || key || '" is longer than 4096 characters.'
    END) END
    INTO fault FROM jsonb_each(custom_fields);
  END IF;
  RETURN fault;
END
$$;

-- The data of CONTACT_CREATED.
CREATE FUNCTION nexus.contact_event(contact nexus.contact) RETURNS json LANGUAGE sql STABLE AS $$
  SELECT format('{"contactId":%s,"firstName":%s,"lastName":%s,"email":%s,"phone":%s,"cardId":%s}',
    to_json(contact.id), coalesce(to_json(contact.first_name)::text, 'null'), coalesce(to_json(contact.last_name)::text, 'null'),
    to_json(contact.email), coalesce(to_json(contact.phone)::text, 'null'), coalesce(to_json(contact.card_id)::text, 'null'))::json
$$;

-- Inserts or updates the contact with this address, and says which one it is. What is NULL stays as it is, and an
-- empty text takes away what is there; custom fields are merged by name, and a JSON null takes one away.
CREATE FUNCTION nexus.upsert_contact(
  user_id text, email text, first_name text DEFAULT NULL, last_name text DEFAULT NULL, phone text DEFAULT NULL,
  company text DEFAULT NULL, job_title text DEFAULT NULL, card_id text DEFAULT NULL, tags text[] DEFAULT NULL,
  custom_fields jsonb DEFAULT NULL, emit boolean DEFAULT true
) RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  fault text := nexus.contact_fault(user_id, email, first_name, last_name, phone, company, job_title, card_id, tags, custom_fields);
  fresh uuid := nexus.uuid7();
  written nexus.contact;
BEGIN
  IF fault IS NOT NULL THEN
    RAISE EXCEPTION 'nexus.upsert_contact: %', fault
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Correct the value, or leave the contact out; sql/README.md says what each argument may be.';
  END IF;
  INSERT INTO nexus.contact AS c (id, user_id, email, first_name, last_name, phone, company, job_title, card_id, tags, custom_fields)
  VALUES (fresh, upsert_contact.user_id, btrim(upsert_contact.email), nullif(upsert_contact.first_name, ''),
    nullif(upsert_contact.last_name, ''), nullif(upsert_contact.phone, ''), nullif(upsert_contact.company, ''),
    nullif(upsert_contact.job_title, ''), nullif(upsert_contact.card_id, ''), nexus.contact_tags(to_jsonb(upsert_contact.tags)),
    jsonb_strip_nulls(coalesce(upsert_contact.custom_fields, '{}')))
  ON CONFLICT (user_id, lower(email)) DO UPDATE SET
    first_name = nullif(coalesce(upsert_contact.first_name, c.first_name), ''),
    last_name = nullif(coalesce(upsert_contact.last_name, c.last_name), ''),
    phone = nullif(coalesce(upsert_contact.phone, c.phone), ''),
    company = nullif(coalesce(upsert_contact.company, c.company), ''),
    job_title = nullif(coalesce(upsert_contact.job_title, c.job_title), ''),
    card_id = nullif(coalesce(upsert_contact.card_id, c.card_id), ''),
    tags = CASE WHEN upsert_contact.tags IS NULL THEN c.tags ELSE nexus.contact_tags(to_jsonb(upsert_contact.tags)) END,
    custom_fields = jsonb_strip_nulls(c.custom_fields || coalesce(upsert_contact.custom_fields, '{}'))
  RETURNING c.* INTO written;
  -- An update that changed nothing returns no row.
  IF written.id IS NULL THEN
    RETURN (SELECT c.id FROM nexus.contact AS c WHERE c.user_id = upsert_contact.user_id AND lower(c.email) = lower(btrim(upsert_contact.email) COLLATE "C"));
  END IF;
  IF written.id = fresh AND coalesce(emit, true) THEN
    INSERT INTO nexus.outbox (user_id, event_type, payload) VALUES (written.user_id, 'CONTACT_CREATED', nexus.contact_event(written));
  END IF;
  RETURN written.id;
END
$$;

-- Which row of which table a contact follows. A contact that rows of several tables follow goes with the last of them.
CREATE TABLE nexus.contact_source (
  source oid NOT NULL,
  key text NOT NULL,
  contact_id uuid NOT NULL REFERENCES nexus.contact ON DELETE CASCADE,
  PRIMARY KEY (source, key)
);

CREATE INDEX contact_source_contact ON nexus.contact_source (contact_id);

COMMENT ON COLUMN nexus.contact_source.key IS 'The primary key of the row as a text; of a table without one, user id and address.';

-- The query that makes contacts of the rows of a relation: key, user id, email and the other fields. Columns are
-- written by their own output functions, never through a cast, as in nexus.emit_query, and for the same reason; numbers
-- and booleans of Postgres's own types stay what they are in custom fields.
CREATE FUNCTION nexus.contact_query(target oid, relation text, user_id text, columns jsonb) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE type_of AS (
    SELECT attname, attnum, type.oid, typtype, typbasetype, typcategory
    FROM pg_attribute JOIN pg_type AS type ON type.oid = atttypid
    WHERE attrelid = target AND attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT attname, attnum, type.oid, type.typtype, type.typbasetype, type.typcategory
    FROM type_of JOIN pg_type AS type ON type.oid = type_of.typbasetype
    WHERE type_of.typtype = 'd'
  ), written AS (
    SELECT attname, attnum, oid, typcategory, format('CASE WHEN c.%1$I IS NOT NULL THEN concat(c.%1$I) END', attname) AS expression
    FROM type_of WHERE typtype <> 'd'
  ), asked AS (
    SELECT name, expression, CASE
      WHEN expression IS NULL THEN 'NULL'
      WHEN name = 'tags' AND typcategory = 'A' THEN format('(%s)::text[]', expression)
      WHEN name = 'tags' THEN format($_$array_remove(regexp_split_to_array(btrim(%s), '\s*[;,]\s*'), '')$_$, expression)
      WHEN name LIKE 'custom\_fields.%' AND oid < 16384 AND typcategory IN ('N', 'B') THEN format('c.%I', attname)
      ELSE expression END AS value
    FROM jsonb_each_text(columns) AS _ (name, col) LEFT JOIN written ON attname = col
  ), key AS (
    SELECT format('jsonb_build_array(%s)::text', string_agg(expression, ', ' ORDER BY ordinal)) AS expression
    FROM pg_index, unnest(indkey) WITH ORDINALITY AS _ (number, ordinal) JOIN written ON attnum = number
    WHERE indrelid = target AND indisprimary
    HAVING count(*) > 0
  ), owner AS (
    SELECT coalesce((SELECT expression FROM written WHERE attname = user_id), 'NULL') AS expression,
      coalesce((SELECT expression FROM asked WHERE name = 'email'), 'NULL') AS email
  )
  SELECT format('SELECT %s AS key, (%s)::text AS user_id, (%s)::text AS email, jsonb_build_object(%s) AS fields, jsonb_build_object(%s) AS custom FROM %s AS c',
    coalesce((SELECT expression FROM key), format('jsonb_build_array(%s, lower(btrim(%s) COLLATE "C"))::text', expression, email)),
    expression, email,
    (SELECT string_agg(format('%L, %s', name, value), ', ') FROM asked WHERE name <> 'email' AND name NOT LIKE 'custom\_fields.%'),
    (SELECT string_agg(format('%L, %s', substr(name, 15), value), ', ') FROM asked WHERE name LIKE 'custom\_fields.%'),
    relation)
  FROM owner
$$;

-- Deletes the rows' contacts that no other row follows.
CREATE FUNCTION nexus.unfollow_contacts(source oid, keys text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  gone uuid[];
BEGIN
  WITH unfollowed AS (
    DELETE FROM nexus.contact_source AS s WHERE s.source = unfollow_contacts.source AND s.key = ANY (keys) RETURNING contact_id
  )
  SELECT array_agg(contact_id ORDER BY contact_id) INTO gone FROM unfollowed;
  DELETE FROM nexus.contact AS c WHERE c.id = ANY (gone) AND NOT EXISTS (SELECT FROM nexus.contact_source WHERE contact_id = c.id);
END
$$;

-- Makes the contacts of some rows what the rows say. In order: rows whose contact keeps its address, rows whose address
-- or user changed, rows that have no contact yet. What is not mapped stays as it is.
CREATE FUNCTION nexus.follow_contacts(source oid, given jsonb[], emit boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  moved record;
  taker uuid;
BEGIN
  FOR moved IN
    SELECT c.id, c.user_id AS old_user, r.key, r.user_id, r.email
    FROM nexus.contact_rows(given) AS r JOIN nexus.contact_source AS s ON s.source = follow_contacts.source AND s.key = r.key
      JOIN nexus.contact AS c ON c.id = s.contact_id
    WHERE c.user_id <> r.user_id OR lower(c.email) <> lower(r.email COLLATE "C")
    ORDER BY c.id
  LOOP
    SELECT c.id INTO taker FROM nexus.contact AS c WHERE c.user_id = moved.user_id AND lower(c.email) = lower(moved.email COLLATE "C");
    IF taker IS NULL AND moved.old_user = moved.user_id
      AND NOT EXISTS (SELECT FROM nexus.contact_source AS s WHERE s.contact_id = moved.id AND (s.source, s.key) <> (follow_contacts.source, moved.key))
    THEN
      UPDATE nexus.contact AS c SET email = moved.email WHERE c.id = moved.id;
    ELSE
      -- The address is another contact's, or the row another user's: it follows that contact from now on.
      PERFORM nexus.unfollow_contacts(follow_contacts.source, ARRAY[moved.key]);
    END IF;
  END LOOP;

  UPDATE nexus.contact AS c SET (email, first_name, last_name, phone, company, job_title, card_id, tags, custom_fields) =
    (SELECT r.email, n.first_name, n.last_name, n.phone, n.company, n.job_title, n.card_id, n.tags, n.custom_fields FROM nexus.contact_merged(c, r.fields, r.custom) AS n)
  FROM nexus.contact_rows(given) AS r JOIN nexus.contact_source AS s ON s.source = follow_contacts.source AND s.key = r.key
  WHERE c.id = s.contact_id;

  WITH fresh AS MATERIALIZED (
    SELECT nexus.uuid7() AS id, r.* FROM (
      SELECT DISTINCT ON (r.user_id, lower(r.email COLLATE "C")) r.* FROM nexus.contact_rows(given) AS r
      WHERE NOT EXISTS (SELECT FROM nexus.contact_source AS s WHERE s.source = follow_contacts.source AND s.key = r.key)
      ORDER BY r.user_id, lower(r.email COLLATE "C"), r.ordinal DESC
    ) AS r
  ), written AS (
    INSERT INTO nexus.contact AS c (id, user_id, email, first_name, last_name, phone, company, job_title, card_id, tags, custom_fields)
    SELECT fresh.id, fresh.user_id, fresh.email, n.first_name, n.last_name, n.phone, n.company, n.job_title, n.card_id, n.tags, n.custom_fields
    FROM fresh, nexus.contact_merged(NULL, fresh.fields, fresh.custom) AS n
    ORDER BY fresh.user_id, lower(fresh.email COLLATE "C")
    ON CONFLICT (user_id, lower(email)) DO UPDATE SET (first_name, last_name, phone, company, job_title, card_id, tags, custom_fields) =
      (SELECT n.first_name, n.last_name, n.phone, n.company, n.job_title, n.card_id, n.tags, n.custom_fields
       FROM fresh, nexus.contact_merged(c, fresh.fields, fresh.custom) AS n WHERE fresh.id = excluded.id)
    RETURNING c.id, c.user_id, nexus.contact_event(c) AS data
  )
  INSERT INTO nexus.outbox (user_id, event_type, payload)
  SELECT user_id, 'CONTACT_CREATED', data FROM written WHERE emit AND id IN (SELECT id FROM fresh);

  INSERT INTO nexus.contact_source (source, key, contact_id)
  SELECT follow_contacts.source, r.key, c.id
  FROM nexus.contact_rows(given) AS r JOIN nexus.contact AS c ON c.user_id = r.user_id AND lower(c.email) = lower(r.email COLLATE "C")
  ON CONFLICT DO NOTHING;
END
$$;

-- The rows of nexus.contact_query that can be contacts; of several with one key, the last.
CREATE FUNCTION nexus.contact_rows(given jsonb[])
RETURNS TABLE (ordinal bigint, key text, user_id text, email text, fields jsonb, custom jsonb) LANGUAGE sql STABLE AS $$
  SELECT DISTINCT ON (r ->> 'key') number, r ->> 'key', r ->> 'user_id', btrim(r ->> 'email'), r -> 'fields', r -> 'custom'
  FROM unnest(given) WITH ORDINALITY AS _ (r, number)
  ORDER BY r ->> 'key', number DESC
$$;

-- A contact with some of its fields replaced; of no contact, a new one.
CREATE FUNCTION nexus.contact_merged(c nexus.contact, fields jsonb, custom jsonb) RETURNS nexus.contact LANGUAGE plpgsql STABLE AS $$
DECLARE
  merged nexus.contact := c;
BEGIN
  IF fields ? 'first_name' THEN merged.first_name := nullif(fields ->> 'first_name', ''); END IF;
  IF fields ? 'last_name' THEN merged.last_name := nullif(fields ->> 'last_name', ''); END IF;
  IF fields ? 'phone' THEN merged.phone := nullif(fields ->> 'phone', ''); END IF;
  IF fields ? 'company' THEN merged.company := nullif(fields ->> 'company', ''); END IF;
  IF fields ? 'job_title' THEN merged.job_title := nullif(fields ->> 'job_title', ''); END IF;
  IF fields ? 'card_id' THEN merged.card_id := nullif(fields ->> 'card_id', ''); END IF;
  IF fields ? 'tags' THEN merged.tags := nexus.contact_tags(fields -> 'tags'); END IF;
  merged.tags := coalesce(merged.tags, '{}');
  merged.custom_fields := jsonb_strip_nulls(coalesce(merged.custom_fields, '{}') || coalesce(custom, '{}'));
  RETURN merged;
END
$$;

-- Tags as JSON, as an array without repetitions, in the order given.
CREATE FUNCTION nexus.contact_tags(tags jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(array_agg(tag ORDER BY first), '{}') FROM (
    SELECT tag, min(ordinal) AS first
    FROM jsonb_array_elements_text(CASE jsonb_typeof(tags) WHEN 'array' THEN tags END) WITH ORDINALITY AS _ (tag, ordinal) GROUP BY tag
  ) AS _
$$;

-- Buries what can't be a contact, and follows the rest: all at once, or row by row when that fails. Nothing but a
-- cancelled statement and a server that stops gets out of here. A contact that somebody else has locked for longer than
-- a second ends the attempt for the whole batch: rows of others' must not wait for it one by one.
CREATE FUNCTION nexus.follow_batch(source oid, source_name text, given jsonb[], emit boolean) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
  good jsonb[];
  bad bigint;
  one jsonb;
BEGIN
  WITH judged AS (
    SELECT r.given, number, nexus.contact_fault(r.given ->> 'user_id', r.given ->> 'email', f ->> 'first_name', f ->> 'last_name', f ->> 'phone', f ->> 'company',
      f ->> 'job_title', f ->> 'card_id', CASE WHEN f ? 'tags' THEN nexus.contact_tags(f -> 'tags') END, r.given -> 'custom') AS fault
    FROM unnest(follow_batch.given) WITH ORDINALITY AS r (given, number), LATERAL (SELECT r.given -> 'fields' AS f) AS _
  )
  SELECT array_agg(judged.given ORDER BY number) FILTER (WHERE fault IS NULL), count(nexus.bury_contact(source_name, judged.given, fault)) FILTER (WHERE fault IS NOT NULL)
  INTO good, bad FROM judged;
  IF good IS NULL THEN
    RETURN;
  END IF;
  BEGIN
    PERFORM nexus.follow_contacts(source, good, emit);
    RETURN;
  EXCEPTION
    WHEN query_canceled OR admin_shutdown OR crash_shutdown THEN RAISE;
    WHEN lock_not_available THEN
      PERFORM nexus.bury_contact(source_name, locked, SQLERRM) FROM unnest(good) AS locked;
      RETURN;
    WHEN OTHERS THEN NULL;
  END;
  FOREACH one IN ARRAY good LOOP
    BEGIN
      PERFORM nexus.follow_contacts(source, ARRAY[one], emit);
    EXCEPTION
      WHEN query_canceled OR admin_shutdown OR crash_shutdown THEN RAISE;
      WHEN OTHERS THEN PERFORM nexus.bury_contact(source_name, one, SQLERRM);
    END;
  END LOOP;
END
$$;

-- The event type of these dead letters is one that can't be sent: they are for people to read.
CREATE FUNCTION nexus.bury_contact(source_name text, given jsonb, fault text) RETURNS void LANGUAGE sql AS $$
  INSERT INTO nexus.dead_letter (id, user_id, event_type, payload, reason, created_at)
  VALUES (nexus.uuid7(), coalesce(given ->> 'user_id', ''), 'nexus.contacts_on', jsonb_build_object('key', given -> 'key', 'email', given -> 'email')::text::json,
    'A row of ' || source_name || ' could not become a contact: ' || fault, now())
$$;

-- The trigger of contacts_on: once for each statement, in batches of a thousand rows. Arguments: user id column,
-- columns, whether to emit. A trigger that names its transition tables otherwise could make it read a view of the
-- application's own, which would run with the rights of the service: that is refused.
CREATE FUNCTION nexus.follow_rows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
  source_name text := format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME);
  query text;
  batch jsonb[] := '{}';
  made record;
BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_trigger WHERE tgrelid = TG_RELID AND tgname = TG_NAME
      AND (tgnewtable = 'changed') IS NOT DISTINCT FROM CASE WHEN TG_OP IN ('INSERT', 'UPDATE') THEN true END
      AND (tgoldtable = 'former') IS NOT DISTINCT FROM CASE WHEN TG_OP IN ('DELETE', 'UPDATE') THEN true END
  ) THEN
    RAISE EXCEPTION 'the trigger % was not made by nexus.contacts_on', TG_NAME;
  END IF;
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM nexus.unfollow_contacts(TG_RELID, (SELECT array_agg(key) FROM nexus.contact_source WHERE source = TG_RELID));
    RETURN NULL;
  END IF;
  query := nexus.contact_query(TG_RELID, CASE TG_OP WHEN 'DELETE' THEN 'former' ELSE 'changed' END, TG_ARGV[0], TG_ARGV[1]::jsonb);
  IF TG_OP = 'UPDATE' THEN
    query := query || ' EXCEPT ' || nexus.contact_query(TG_RELID, 'former', TG_ARGV[0], TG_ARGV[1]::jsonb);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    FOR made IN EXECUTE query LOOP
      batch := batch || to_jsonb(made);
      IF cardinality(batch) = 1000 THEN
        PERFORM nexus.follow_batch(TG_RELID, source_name, batch, TG_ARGV[2] = 'true');
        batch := '{}';
      END IF;
    END LOOP;
    PERFORM nexus.follow_batch(TG_RELID, source_name, batch, TG_ARGV[2] = 'true');
  END IF;
  IF TG_OP = 'DELETE' THEN
    EXECUTE format('SELECT nexus.unfollow_contacts($1, (SELECT array_agg(key) FROM (%s) AS gone))', query) USING TG_RELID;
  ELSIF TG_OP = 'UPDATE' THEN
    EXECUTE format('SELECT nexus.unfollow_contacts($1, (SELECT array_agg(key) FROM (SELECT key FROM (%s) AS was EXCEPT SELECT key FROM (%s) AS is_now) AS gone))',
      nexus.contact_query(TG_RELID, 'former', TG_ARGV[0], TG_ARGV[1]::jsonb), nexus.contact_query(TG_RELID, 'changed', TG_ARGV[0], TG_ARGV[1]::jsonb))
    USING TG_RELID;
  END IF;
  RETURN NULL;
EXCEPTION
  WHEN query_canceled OR admin_shutdown OR crash_shutdown THEN RAISE;
  WHEN OTHERS THEN
    RAISE WARNING 'nexus.contacts_on: % on %.% changed no contact: %', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME, SQLERRM;
    RETURN NULL;
END
$$;

-- Copies rows that were there before contacts_on. Whoever calls it alone says what the rows are, so the table must be one
-- that they could make triggers for: another application's contacts go by the rows of that application. The role is
-- asked of the session, as in here everybody is the owner.
CREATE FUNCTION nexus.follow_existing(target regclass, given jsonb[]) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT nexus.follow_batch(target, target::text, given, false)
  WHERE EXISTS (SELECT FROM pg_trigger WHERE tgrelid = target AND tgname = 'nexus_contacts_insert')
    AND EXISTS (SELECT FROM pg_roles WHERE pg_has_role(session_user, oid, 'MEMBER') AND has_table_privilege(oid, target, 'TRIGGER'))
$$;

-- Forgets what followed tables that nothing follows any more. Contacts stay.
CREATE FUNCTION nexus.forget_sources() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  DELETE FROM nexus.contact_source
  WHERE NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = source AND tgname = 'nexus_contacts_insert')
$$;

-- Has contacts follow the rows of a table. Runs with the rights of its caller, who needs TRIGGER on the table, and with
-- existing => true SELECT on the columns.
CREATE FUNCTION nexus.contacts_on(target regclass, user_id text, columns jsonb, emit boolean DEFAULT true, existing boolean DEFAULT false)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  known constant text[] := '{email,first_name,last_name,phone,company,job_title,card_id,tags}';
  wrong text;
  operation text;
  batch jsonb[] := '{}';
  made record;
BEGIN
  IF pg_catalog.jsonb_typeof(columns) IS DISTINCT FROM 'object' OR NOT columns ? 'email' THEN
    RAISE EXCEPTION 'nexus.contacts_on: name the column that has the email address'
      USING HINT = 'For example columns => ''{"email": "mail", "first_name": "given"}''.';
  END IF;
  SELECT string_agg(name, ', ') INTO wrong FROM jsonb_object_keys(columns) AS name
  WHERE name <> ALL (known) AND name !~ '^custom_fields\.[A-Za-z][A-Za-z0-9_]{0,63}$';
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION 'nexus.contacts_on: a contact has no field %', wrong
      USING HINT = 'Its fields are ' || array_to_string(known, ', ') || ' and custom_fields.<name>.';
  END IF;
  SELECT string_agg(coalesce(quote_ident(name), 'NULL'), ', ') INTO wrong
  FROM (SELECT value FROM jsonb_each_text(columns) UNION ALL SELECT contacts_on.user_id) AS _ (name)
  WHERE NOT EXISTS (
    SELECT FROM pg_attribute WHERE attrelid = target AND attname = name AND attnum > 0 AND NOT attisdropped
  );
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION 'nexus.contacts_on: % has no column %', target, wrong
      USING HINT = 'columns maps fields of a contact to columns of the table; user_id names the column with the user''s id.';
  END IF;
  FOREACH operation IN ARRAY ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER %s ON %s %s FOR EACH STATEMENT EXECUTE FUNCTION nexus.follow_rows(%L, %L, %L)',
      'nexus_contacts_' || lower(operation), operation, target,
      CASE operation
        WHEN 'INSERT' THEN 'REFERENCING NEW TABLE AS changed'
        WHEN 'UPDATE' THEN 'REFERENCING OLD TABLE AS former NEW TABLE AS changed'
        WHEN 'DELETE' THEN 'REFERENCING OLD TABLE AS former'
        ELSE '' END,
      user_id, columns::text, coalesce(emit, true)::text);
  END LOOP;
  -- Making the triggers has locked writers out until this transaction ends, so no row is missed in between.
  IF existing THEN
    FOR made IN EXECUTE nexus.contact_query(target, target::text, user_id, columns) LOOP
      batch := batch || to_jsonb(made);
      IF cardinality(batch) = 1000 THEN
        PERFORM nexus.follow_existing(target, batch);
        batch := '{}';
      END IF;
    END LOOP;
    PERFORM nexus.follow_existing(target, batch);
  END IF;
END
$$;

-- Ends it. The contacts that there are stay.
CREATE FUNCTION nexus.contacts_off(target regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  operation text;
BEGIN
  FOREACH operation IN ARRAY ARRAY['insert', 'update', 'delete', 'truncate'] LOOP
    EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', 'nexus_contacts_' || operation, target);
  END LOOP;
  PERFORM nexus.forget_sources();
END
$$;

REVOKE ALL ON FUNCTION
  nexus.contact_fault(text, text, text, text, text, text, text, text, text[], jsonb),
  nexus.contact_event(nexus.contact),
  nexus.upsert_contact(text, text, text, text, text, text, text, text, text[], jsonb, boolean),
  nexus.contact_query(oid, text, text, jsonb),
  nexus.unfollow_contacts(oid, text[]),
  nexus.follow_contacts(oid, jsonb[], boolean),
  nexus.contact_rows(jsonb[]),
  nexus.contact_merged(nexus.contact, jsonb, jsonb),
  nexus.contact_tags(jsonb),
  nexus.follow_batch(oid, text, jsonb[], boolean),
  nexus.bury_contact(text, jsonb, text),
  nexus.follow_rows(),
  nexus.follow_existing(regclass, jsonb[]),
  nexus.forget_sources(),
  nexus.contacts_on(regclass, text, jsonb, boolean, boolean),
  nexus.contacts_off(regclass)
FROM PUBLIC;

GRANT EXECUTE ON FUNCTION
  nexus.upsert_contact(text, text, text, text, text, text, text, text, text[], jsonb, boolean),
  nexus.contact_query(oid, text, text, jsonb),
  nexus.follow_rows(),
  nexus.follow_existing(regclass, jsonb[]),
  nexus.forget_sources(),
  nexus.contacts_on(regclass, text, jsonb, boolean, boolean),
  nexus.contacts_off(regclass)
TO nexus_producer;
GRANT EXECUTE ON FUNCTION nexus.contact_event(nexus.contact), nexus.contact_merged(nexus.contact, jsonb, jsonb), nexus.contact_tags(jsonb) TO nexus_api;
