import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { exampleContact, makeStand } from "nexus-integrations/plugin/testing"
import { ZohoEmulator } from "../../../plugins/zoho/Emulator.ts"
import { ZohoPlugin } from "../../../plugins/zoho/Zoho.ts"

/** An account of Zoho CRM and a session with it. */
export const zoho = Effect.fnUntraced(function* (settings: Readonly<Record<string, unknown>> = {}) {
  const stand = yield* makeStand(ZohoPlugin, ZohoEmulator)
  const session = yield* stand.session(undefined, settings)
  const { contacts } = session
  const there = stand.emulator.contacts
  assert.isDefined(contacts)
  assert.isDefined(there)
  const some = (numbers: ReadonlyArray<number>, fields: Readonly<Record<string, string>> = {}) =>
    numbers.map((n) => exampleContact(stand.provider, n, fields))
  const lines = (from = 0) => stand.server.requests.slice(from).map(({ method, path }) => `${method} ${path}`)
  return { ...stand, session, open: stand.session, contacts, there, some, lines }
})

export const tags = (outcomes: ReadonlyArray<{ readonly _tag: string }>) => outcomes.map(({ _tag }) => _tag)

/** An answer of Zoho's to a request that it refuses whole. */
export const refused = (status: number, code: string, message: string) => ({
  status,
  body: { code, details: {}, message, status: "error" }
})
