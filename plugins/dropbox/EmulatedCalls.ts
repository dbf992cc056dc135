/** The routes of an emulated Dropbox that take JSON. */
import { Option, Schema } from "effect"
import { type EmulatedAnswer, json } from "nexus-integrations/plugin/testing"
import { accountId } from "./EmulatedAccess.ts"
import { badRequest, refusal } from "./EmulatedAnswers.ts"
import { type EmulatedFolder, isTags, metadataOf, taggedMetadataOf } from "./EmulatedFolder.ts"

const Path = Schema.Struct({ path: Schema.String })
const Create = Schema.Struct({ ...Path.fields, autorename: Schema.optionalKey(Schema.Boolean) })
const Delete = Schema.Struct({ ...Path.fields, parent_rev: Schema.optionalKey(Schema.String) })
const List = Schema.Struct({
  ...Path.fields,
  limit: Schema.optionalKey(Schema.Int),
  recursive: Schema.optionalKey(Schema.Literal(false)),
  include_deleted: Schema.optionalKey(Schema.Boolean)
})
const Continue = Schema.Struct({ cursor: Schema.String })
const Nothing = Schema.Union([Schema.Null, Schema.Struct({})])

const Cursor = Schema.fromJsonString(Schema.Tuple([Schema.Int, Schema.String, Schema.Int, Schema.Int]))
const decodeCursor = Schema.decodeUnknownOption(Cursor)

/** An answer to a body that fits; undefined to any other, one with a member that the route doesn't know too. */
const taking = <A>(schema: Schema.Codec<A, unknown>, answer: (argument: A) => EmulatedAnswer) => {
  const decode = Schema.decodeUnknownOption(Schema.fromJsonString(schema), { onExcessProperty: "error" })
  return (body: string): EmulatedAnswer | undefined =>
    Option.getOrUndefined(Option.map(decode(body === "" ? "null" : body), answer))
}

const account = {
  account_id: accountId,
  name: {
    given_name: "Ada",
    surname: "Lovelace",
    familiar_name: "Ada",
    display_name: "Ada Lovelace",
    abbreviated_name: "AL"
  },
  email: "ada@example.com",
  email_verified: true,
  disabled: false,
  country: "ES",
  locale: "es-ES",
  referral_link: "https://www.dropbox.com/referrals/emulated",
  is_paired: false,
  account_type: { ".tag": "basic" },
  root_info: { ".tag": "user", root_namespace_id: "707000000", home_namespace_id: "707000000" }
}

/** @param revoke ends a token's grant */
export const makeCalls = (folder: EmulatedFolder, revoke: (token: string) => void) => {
  let cursorAge = 0

  /** A page of a folder, from an entry on. */
  const page = (path: string, from: number, limit: number): EmulatedAnswer => {
    const entries = folder.list(path)
    if (isTags(entries)) return refusal(["path", ...entries])
    return json(200, {
      entries: entries.slice(from, from + limit).map(taggedMetadataOf),
      cursor: JSON.stringify([cursorAge, path, from + limit, limit]),
      has_more: entries.length > from + limit
    })
  }
  const routes = new Map<string, (body: string, token: string) => EmulatedAnswer | undefined>([
    ["users/get_current_account", taking(Nothing, () => json(200, account))],
    [
      "users/get_space_usage",
      taking(Nothing, () =>
        json(200, { used: folder.used(), allocation: { ".tag": "individual", allocated: 2_147_483_648 } })
      )
    ],
    [
      "files/get_metadata",
      taking(Path, ({ path }) => {
        const there = folder.at(path)
        return there === undefined ? refusal(["path", "not_found"]) : json(200, taggedMetadataOf(there))
      })
    ],
    [
      "files/list_folder",
      taking(List, ({ path, limit = 500 }) =>
        limit < 1 || limit > 2000 ? badRequest("files/list_folder", "limit: out of range") : page(path, 0, limit)
      )
    ],
    [
      "files/list_folder/continue",
      taking(Continue, ({ cursor }) => {
        const decoded = Option.getOrUndefined(decodeCursor(cursor))
        if (decoded === undefined) return badRequest("files/list_folder/continue", "cursor: invalid")
        const [age, path, from, limit] = decoded
        return age === cursorAge ? page(path, from, limit) : refusal(["reset"])
      })
    ],
    [
      "files/create_folder_v2",
      taking(Create, ({ path, autorename = false }) => {
        const made = folder.createFolder(path, autorename)
        return isTags(made) ? refusal(["path", ...made]) : json(200, { metadata: metadataOf(made) })
      })
    ],
    [
      "files/delete_v2",
      taking(Delete, ({ path, parent_rev }) => {
        const gone = folder.remove(path, parent_rev)
        return isTags(gone) ? refusal(gone) : json(200, { metadata: taggedMetadataOf(gone) })
      })
    ],
    [
      "auth/token/revoke",
      (body, token) =>
        taking(Nothing, () => {
          revoke(token)
          return json(200, null)
        })(body)
    ]
  ])

  return {
    isRoute: (route: string) => routes.has(route),
    answer: (route: string, body: string, token: string): EmulatedAnswer =>
      routes.get(route)?.(body, token) ?? badRequest(route, "request body: could not decode input as JSON"),
    /** Makes the cursors of listings too old. */
    resetCursors: () => {
      cursorAge++
    }
  }
}
