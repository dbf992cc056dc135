import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { exampleContact, makeStand, type Stand } from "nexus-integrations/plugin/testing"
import { SalesforceEmulator } from "../../../plugins/salesforce/Emulator.ts"
import { SalesforcePlugin } from "../../../plugins/salesforce/Salesforce.ts"

/** An org and a session with it. */
export const salesforce = Effect.fnUntraced(function* (settings: Readonly<Record<string, unknown>> = {}) {
  const stand = yield* makeStand(SalesforcePlugin, SalesforceEmulator)
  const session = yield* stand.session(undefined, settings)
  const { contacts } = session
  const there = stand.emulator.contacts
  assert.isDefined(contacts)
  assert.isDefined(there)
  const some = (numbers: ReadonlyArray<number>, fields: Readonly<Record<string, string>> = {}) =>
    numbers.map((n) => exampleContact(stand.provider, n, fields))
  return { ...stand, session, open: stand.session, contacts, there, some }
})

/** The requests so far, or those after the first `from`, as `GET /path`. */
export const lines = ({ requests }: Stand["server"], from = 0): ReadonlyArray<string> =>
  requests.slice(from).map(({ method, path }) => `${method} ${path}`)

export const tags = (outcomes: ReadonlyArray<{ readonly _tag: string }>) => outcomes.map(({ _tag }) => _tag)

/** An answer of Salesforce's to a request that it refuses whole. */
export const refused = (status: number, errorCode: string, message: string) => ({
  status,
  body: [{ message, errorCode }]
})
