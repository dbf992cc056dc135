/** Every column that holds something sealed, for sealing it anew. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Binding, Sealed } from "./Vault.ts"

/** A sealed value, and the place that it was sealed for. */
export interface SealedValue {
  readonly sealed: Sealed
  readonly binding: Binding
}

/** A column of sealed values, and how their places are made of its row. */
interface SealedColumn {
  readonly table: string
  readonly column: string
  /** What the binding calls the column, where that is not its name. */
  readonly field: string
  readonly row: string
  readonly provider: string
}

interface SealedRow {
  readonly sealed: Sealed
  readonly row: string
  readonly user: string
  readonly provider: string
}

const columns: ReadonlyArray<SealedColumn> = [
  { table: "integration", column: "credentials", field: "credentials", row: "id::text", provider: "provider" },
  { table: "webhook_subscription", column: "secret", field: "secret", row: "id::text", provider: "''" },
  {
    table: "webhook_subscription",
    column: "previous_secret",
    field: "previous_secret",
    row: "id::text",
    provider: "''"
  },
  { table: "webhook_subscription", column: "headers", field: "headers", row: "id::text", provider: "''" },
  { table: "webhook_subscription", column: "sealed_url", field: "url", row: "id::text", provider: "''" },
  { table: "sync_run", column: "upload", field: "upload", row: "id::text", provider: "provider" },
  { table: "idempotency_key", column: "response_body", field: "response_body", row: "key", provider: "''" }
]

/** The columns, by name for messages and tests. */
export const sealedColumns: ReadonlyArray<string> = columns.map(({ table, column }) => `${table}.${column}`)

export class SealedRepo extends Context.Service<
  SealedRepo,
  {
    /** Values of a column that another key than this one sealed, behind the row given, by row. */
    stale(
      column: string,
      keyId: string,
      after: SealedValue | null,
      limit: number
    ): Effect.Effect<ReadonlyArray<SealedValue>, SqlError>
    /** What is kept for good, as samples: the oldest and the newest value of each such column, as far as there are any. */
    readonly samples: Effect.Effect<ReadonlyArray<SealedValue>, SqlError>
    /** Puts new seals in the place of old ones, where those are still there; says how many were. */
    replace(
      column: string,
      values: ReadonlyArray<{ readonly old: SealedValue; readonly sealed: Sealed }>
    ): Effect.Effect<number, SqlError>
  }
>()("nexus/vault/SealedRepo") {
  static readonly layer = Layer.effect(
    SealedRepo,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const find = (name: string) =>
        Effect.fromNullishOr(columns.find(({ table, column }) => `${table}.${column}` === name)).pipe(Effect.orDie)

      const select = ({ table, column, row, provider }: SealedColumn) => sql`
        SELECT ${sql(column)} AS sealed, ${sql.literal(row)} AS row, user_id AS user, ${sql.literal(provider)} AS provider
        FROM nexus.${sql(table)}`
      const sealedValue =
        ({ table, field }: SealedColumn) =>
        ({ sealed, ...place }: SealedRow): SealedValue => ({ sealed, binding: { table, field, ...place } })

      return SealedRepo.of({
        samples: Effect.gen(function* () {
          const values: Array<SealedValue> = []
          for (const name of ["integration.credentials", "webhook_subscription.secret"]) {
            const column = yield* find(name)
            const rows = yield* sql<SealedRow>`
              (${select(column)} ORDER BY id LIMIT 1) UNION (${select(column)} ORDER BY id DESC LIMIT 1)`
            values.push(...rows.map(sealedValue(column)))
          }
          return values
        }),
        stale: Effect.fnUntraced(function* (name, keyId, after, limit) {
          const sealed = yield* find(name)
          const { column, row } = sealed
          const rows = yield* sql<SealedRow>`
            ${select(sealed)}
            WHERE ${sql(column)} IS NOT NULL AND split_part(${sql(column)}, '.', 2) <> ${keyId}
              AND (user_id, ${sql.literal(row)}) > (${after?.binding.user ?? ""}, ${after?.binding.row ?? ""})
            ORDER BY user_id, ${sql.literal(row)} LIMIT ${limit}`
          return rows.map(sealedValue(sealed))
        }),
        replace: Effect.fnUntraced(function* (name, values) {
          const { table, column, row } = yield* find(name)
          const changes = values.map(({ old, sealed }) => ({
            user: old.binding.user,
            row: old.binding.row,
            old: old.sealed,
            sealed
          }))
          const replaced = yield* sql<{ readonly row: string }>`
            UPDATE nexus.${sql(table)} SET ${sql(column)} = change.sealed
            FROM json_to_recordset(${JSON.stringify(changes)}::text::json) AS change ("user" text, "row" text, old text, sealed text)
            WHERE user_id = change."user" AND ${sql.literal(`${table}.${row}`)} = change."row"
              AND ${sql(`${table}.${column}`)} = change.old
            RETURNING change."row"`
          return replaced.length
        })
      })
    })
  )
}
