/** The contacts of users. Its statements run inside of {@link UserTransactions}. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import type { Actor } from "../domain/Actor.ts"
import type { ContactPatch, CustomValue, NewContact } from "../domain/Contact.ts"
import { ContactNotFound } from "../domain/ContactErrors.ts"
import { isId } from "../domain/Cursor.ts"
import type { ContactId, UserId } from "../domain/Ids.ts"

/** A contact as the database has it. */
export interface ContactRow {
  readonly id: ContactId
  readonly userId: UserId
  readonly cardId: string | null
  readonly firstName: string | null
  readonly lastName: string | null
  readonly email: string
  readonly phone: string | null
  readonly company: string | null
  readonly jobTitle: string | null
  readonly tags: ReadonlyArray<string>
  readonly customFields: Readonly<Record<string, CustomValue>>
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** Which contacts to list. */
export interface ContactFilter {
  /** A part of the name, the address or the company; upper and lower case make no difference. */
  readonly search?: string | undefined
  readonly tag?: string | undefined
}

type ContactAction = "contact.created" | "contact.updated" | "contact.deleted" | "contacts.imported"

/** How many rows a batch made, changed and left as they were. */
export interface BatchCounts {
  readonly created: number
  readonly updated: number
  readonly unchanged: number
}

export class ContactRepo extends Context.Service<
  ContactRepo,
  {
    /** Makes a contact and, on commit, its CONTACT_CREATED; null when the address is taken. */
    insert(userId: UserId, contact: NewContact): Effect.Effect<ContactRow | null, SqlError>
    /** Makes or changes a contact for each address, which may be there only once. What a contact leaves out stays. */
    upsertMany(userId: UserId, contacts: ReadonlyArray<NewContact>, emit: boolean): Effect.Effect<BatchCounts, SqlError>
    /** Until the transaction ends, nobody else imports contacts of this user: two at once would only deadlock. */
    lockImports(userId: UserId): Effect.Effect<void, SqlError>
    /** The newest first, from below an id on. */
    list(
      userId: UserId,
      filter: ContactFilter,
      limit: number,
      below: string | null
    ): Effect.Effect<ReadonlyArray<ContactRow>, SqlError>
    /** The oldest first, from above an id on. */
    listFrom(userId: UserId, limit: number, above: string | null): Effect.Effect<ReadonlyArray<ContactRow>, SqlError>
    count(userId: UserId): Effect.Effect<number, SqlError>
    /** The names of the custom fields that any contact of a user has, in order. */
    customFieldNames(userId: UserId): Effect.Effect<ReadonlyArray<string>, SqlError>
    get(userId: UserId, id: string): Effect.Effect<ContactRow, SqlError | ContactNotFound>
    /** The same, locked until the transaction ends. */
    lock(userId: UserId, id: string): Effect.Effect<ContactRow, SqlError | ContactNotFound>
    /** Who has an address; null when nobody has. */
    idOf(userId: UserId, email: string): Effect.Effect<ContactId | null, SqlError>
    /** Changes a contact; null when that changes nothing. Fails with `UniqueViolation` when the address is taken. */
    update(row: ContactRow, patch: ContactPatch): Effect.Effect<ContactRow | null, SqlError>
    delete(row: ContactRow): Effect.Effect<void, SqlError>
    /** Writes the audit log. */
    record(
      actor: Actor,
      action: ContactAction,
      subject: string,
      detail: Readonly<Record<string, unknown>>
    ): Effect.Effect<void, SqlError>
  }
>()("nexus/contacts/ContactRepo") {
  static readonly layer = Layer.effect(
    ContactRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const columns = sql.literal(
        `c.id, c.user_id, c.card_id, c.first_name, c.last_name, c.email, c.phone, c.company, c.job_title, c.tags,
         c.custom_fields, c.created_at, c.updated_at`
      )
      const details = sql.literal("card_id, first_name, last_name, phone, company, job_title, tags, custom_fields")
      const merged = sql.literal(
        "n.card_id, n.first_name, n.last_name, n.phone, n.company, n.job_title, n.tags, n.custom_fields"
      )
      // What is no id belongs to nothing, and Postgres would refuse it.
      const find = Effect.fnUntraced(function* (userId: UserId, id: string, locking: Fragment) {
        const rows = isId(id)
          ? yield* sql<ContactRow>`
              SELECT ${columns} FROM nexus.contact AS c WHERE id = ${id}::uuid AND user_id = ${userId} ${locking}`
          : []
        return rows[0] ?? (yield* new ContactNotFound({ id }))
      })

      return ContactRepo.of({
        insert: Effect.fnUntraced(function* (userId: UserId, contact: NewContact) {
          const { email, fields, custom } = written(contact)
          const rows = yield* sql<ContactRow>`
            WITH made AS (
              INSERT INTO nexus.contact AS c (user_id, email, ${details})
              SELECT ${userId}, ${email}, ${merged}
              FROM nexus.contact_merged(NULL, ${JSON.stringify(fields)}::text::jsonb, ${JSON.stringify(custom)}::text::jsonb) AS n
              ON CONFLICT DO NOTHING
              RETURNING ${columns}, nexus.contact_event(c) AS event
            ), sent AS (
              INSERT INTO nexus.outbox (user_id, event_type, payload)
              SELECT user_id, 'CONTACT_CREATED', event FROM made
            )
            SELECT ${columns} FROM made AS c`
          return rows[0] ?? null
        }),
        upsertMany: Effect.fnUntraced(function* (userId, contacts, emit) {
          const given = JSON.stringify(contacts.map(written))
          const rows = yield* sql<{ readonly created: number; readonly written: number }>`
            WITH given AS MATERIALIZED (
              SELECT nexus.uuid7() AS id, email, fields, custom
              FROM jsonb_to_recordset(${given}::text::jsonb) AS _ (email text, fields jsonb, custom jsonb)
            ), made AS (
              INSERT INTO nexus.contact AS c (id, user_id, email, ${details})
              SELECT given.id, ${userId}, given.email, ${merged}
              FROM given, nexus.contact_merged(NULL, fields, custom) AS n
              ON CONFLICT (user_id, lower(email)) DO UPDATE SET (email, ${details}) = (
                SELECT excluded.email, ${merged} FROM given, nexus.contact_merged(c, fields, custom) AS n
                WHERE given.id = excluded.id
              )
              RETURNING c.id, c.user_id, nexus.contact_event(c) AS event
            ), fresh AS (
              SELECT user_id, event FROM made WHERE id IN (SELECT id FROM given)
            ), sent AS (
              INSERT INTO nexus.outbox (user_id, event_type, payload)
              SELECT user_id, 'CONTACT_CREATED', event FROM fresh WHERE ${emit}
            )
            SELECT (SELECT count(*)::int FROM fresh) AS created, (SELECT count(*)::int FROM made) AS written`
          const { created, written: touched } = yield* Effect.fromNullishOr(rows[0]).pipe(Effect.orDie)
          return { created, updated: touched - created, unchanged: contacts.length - touched }
        }),
        lockImports: (userId) =>
          Effect.asVoid(sql`SELECT pg_advisory_xact_lock(hashtext('nexus contacts'), hashtext(${userId}))`),
        list: (userId, { search, tag }, limit, below) => sql<ContactRow>`
          SELECT ${columns} FROM nexus.contact AS c
          WHERE user_id = ${userId} AND id < coalesce(${below}::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
            AND (${tag ?? null}::text IS NULL OR ${tag ?? null} = ANY (tags))
            AND (${search ?? null}::text IS NULL
              OR strpos(lower(concat_ws(' ', first_name, last_name, email, company)), lower(${search ?? null})) > 0)
          ORDER BY id DESC LIMIT ${limit}`,
        listFrom: (userId, limit, above) => sql<ContactRow>`
          SELECT ${columns} FROM nexus.contact AS c
          WHERE user_id = ${userId} AND id > coalesce(${above}::uuid, '00000000-0000-0000-0000-000000000000')
          ORDER BY id LIMIT ${limit}`,
        count: (userId) =>
          sql<{
            readonly count: number
          }>`SELECT count(*)::int AS count FROM nexus.contact WHERE user_id = ${userId}`.pipe(
            Effect.map((rows) => rows[0]?.count ?? 0)
          ),
        customFieldNames: (userId) =>
          sql<{ readonly name: string }>`
            SELECT DISTINCT name COLLATE "C" AS name FROM nexus.contact, jsonb_object_keys(custom_fields) AS name
            WHERE user_id = ${userId} ORDER BY 1`.pipe(Effect.map((rows) => rows.map(({ name }) => name))),
        get: (userId, id) => find(userId, id, sql``),
        lock: (userId, id) => find(userId, id, sql`FOR UPDATE`),
        idOf: (userId, email) =>
          sql<{ readonly id: ContactId }>`
            SELECT id FROM nexus.contact WHERE user_id = ${userId} AND lower(email) = lower(${email.trim()} COLLATE "C")`.pipe(
            Effect.map((rows) => rows[0]?.id ?? null)
          ),
        update: Effect.fnUntraced(function* (row, patch) {
          const { email, fields, custom } = written(patch)
          const rows = yield* sql<ContactRow>`
            UPDATE nexus.contact AS c SET (email, ${details}) = (
              SELECT coalesce(${email}::text, c.email), ${merged}
              FROM nexus.contact_merged(c, ${JSON.stringify(fields)}::text::jsonb, ${JSON.stringify(custom)}::text::jsonb) AS n
            )
            WHERE id = ${row.id}::uuid AND user_id = ${row.userId} RETURNING ${columns}`
          return rows[0] ?? null
        }),
        delete: (row) =>
          Effect.asVoid(sql`DELETE FROM nexus.contact WHERE id = ${row.id}::uuid AND user_id = ${row.userId}`),
        record: (actor, action, subject, detail) =>
          Effect.asVoid(sql`
            INSERT INTO nexus.audit_log (user_id, actor, action, subject, detail, address)
            VALUES (${actor.userId}, ${actor.actor}, ${action}, ${subject}, ${JSON.stringify(detail)}::text::json, ${actor.address})`)
      })
    })
  )
}

/** What `nexus.contact_merged` takes: fields by the names of their columns, absent where they are to stay. */
const written = ({ email, customFields = {}, ...rest }: NewContact | ContactPatch) => ({
  email: email?.trim() ?? null,
  fields: Object.fromEntries(Object.entries(rest).map(([name, value]) => [columnNames[name] ?? name, value])),
  custom: customFields
})

const columnNames: Readonly<Record<string, string>> = {
  cardId: "card_id",
  firstName: "first_name",
  lastName: "last_name",
  jobTitle: "job_title"
}
