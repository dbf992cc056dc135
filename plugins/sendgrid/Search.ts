import { Array as Arr, Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { type ProviderError, readJson } from "nexus-integrations/plugin"
import { api, type SendGridConnection, send } from "./Client.ts"

const Found = Schema.Struct({
  id: Schema.String,
  list_ids: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.String))),
  /** By name here, and not by id as they are written. */
  custom_fields: Schema.optionalKey(Schema.NullOr(Schema.Record(Schema.String, Schema.Unknown))),
  created_at: Schema.optionalKey(Schema.NullOr(Schema.String)),
  updated_at: Schema.optionalKey(Schema.NullOr(Schema.String))
})

/** A contact as SendGrid has it, with its own fields beside the declared ones. */
export type Found = typeof Found.Type & { readonly own: Readonly<Record<string, unknown>> }

const Results = Schema.Struct({
  result: Schema.Record(
    Schema.String,
    Schema.Struct({ contact: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)) })
  )
})

const decodeFound = Schema.decodeUnknownOption(Found)

/** Finds contacts by address, a hundred a call; by lower-case address. Those who are not there are left out. */
export const search = Effect.fn("SendGrid.search")(function* (
  connection: SendGridConnection,
  emails: ReadonlyArray<string>
) {
  const pages = yield* Effect.forEach(Arr.chunksOf(emails, 100), (some) => page(connection, some), { concurrency: 3 })
  return new Map(pages.flat())
})

type Entries = ReadonlyArray<readonly [string, Found]>

const page = (connection: SendGridConnection, emails: ReadonlyArray<string>): Effect.Effect<Entries, ProviderError> =>
  Effect.gen(function* () {
    const request = HttpClientRequest.post(`${api}/v3/marketing/contacts/search/emails`).pipe(
      HttpClientRequest.bodyJsonUnsafe({ emails })
    )
    const { result } = yield* readJson(Results)(yield* send(connection, request))
    return Object.entries(result).flatMap(([email, { contact }]) =>
      Arr.fromOption(decodeFound(contact)).map(
        (found) => [email.toLowerCase(), { ...found, own: contact ?? {} }] as const
      )
    )
  }).pipe(
    // 404: none of them is there.
    Effect.catchReason("ProviderError", "Misconfigured", () => Effect.succeed<Entries>([])),
    // 400: one of them is no address to SendGrid, which can't be there then.
    Effect.catchReason("ProviderError", "Rejected", () => {
      if (emails.length === 1) return Effect.succeed<Entries>([])
      const half = Math.ceil(emails.length / 2)
      return Effect.zipWith(
        page(connection, emails.slice(0, half)),
        page(connection, emails.slice(half)),
        (first, second): Entries => [...first, ...second]
      )
    })
  )
