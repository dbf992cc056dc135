import { Buffer } from "node:buffer"
import { PgClient } from "@effect/sql-pg"
import { Cause, Effect, Exit, Formatter, Layer, References, Tracer } from "effect"

/** Everything that a secret could be spelt as in a text, by the name of the spelling. */
const spellings = (secret: string): ReadonlyArray<readonly [string, string]> => {
  const bytes = Buffer.from(secret, "utf8")
  const at = (offset: number) =>
    Buffer.concat([Buffer.alloc(offset), bytes, Buffer.alloc(3)])
      .toString("base64")
      .slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6))
  const base64 = [0, 1, 2].map((offset) => [`base64 at ${offset}`, at(offset)] as const)
  return [
    ["plain", secret],
    ["reversed", Array.from(secret).reverse().join("")],
    ["hex", bytes.toString("hex")],
    ["URL-encoded", encodeURIComponent(secret)],
    ["JSON-escaped", JSON.stringify(secret).slice(1, -1)],
    ...base64,
    ...base64.map(([name, text]) => [`${name}, URL-safe`, text.replaceAll("+", "-").replaceAll("/", "_")] as const)
  ]
}

/**
 * Where secrets are found in texts, each as `name, spelling, in what, with what around it`. The last four characters of a
 * secret may be shown, so what is looked for is the rest of it.
 */
export const leaksIn = (
  texts: ReadonlyArray<readonly [string, string]>,
  secrets: Readonly<Record<string, string>>
): ReadonlyArray<string> =>
  Object.entries(secrets).flatMap(([name, secret]) =>
    spellings(secret.slice(0, -4)).flatMap(([spelling, needle]) =>
      texts.flatMap(([place, text]) => {
        const at = text.toLowerCase().indexOf(needle.toLowerCase())
        return at < 0 ? [] : [`${name}, ${spelling}, in ${place}: …${text.slice(Math.max(0, at - 80), at + 80)}…`]
      })
    )
  )

/** Every row of every table of the service, as JSON. */
export const databaseDump = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const tables = yield* sql<{ name: string }>`
    SELECT relname AS name FROM pg_catalog.pg_class WHERE relnamespace = 'nexus'::regnamespace AND relkind = 'r'`
  return yield* Effect.forEach(tables, ({ name }) =>
    Effect.map(
      sql<{
        rows: string | null
      }>`SELECT string_agg(row_to_json(t)::text, ' ') AS rows FROM ${sql(`nexus.${name}`)} AS t`,
      ([row]) => [`table ${name}`, row?.rows ?? ""] as const
    )
  )
})

/** Keeps every span, so that what ends up in a trace can be read. */
export const makeSpanKeeper = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  const text = (value: unknown) => Formatter.format(value)
  return {
    layer: Layer.merge(Layer.succeed(Tracer.Tracer, tracer), Layer.succeed(References.MinimumLogLevel, "All")),
    texts: (): ReadonlyArray<readonly [string, string]> =>
      spans.map((span) => [
        `span ${span.name}`,
        [
          span.name,
          text(Object.fromEntries(span.attributes)),
          text(span.events),
          // What a span succeeds with is recorded nowhere.
          span.status._tag === "Ended" && Exit.isFailure(span.status.exit) ? Cause.pretty(span.status.exit.cause) : ""
        ].join(" ")
      ])
  }
}
