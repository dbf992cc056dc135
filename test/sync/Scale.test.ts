import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { EmulatedRequest } from "nexus-integrations/plugin/testing"
import { HubSpotEmulator } from "../../plugins/hubspot/Emulator.ts"
import { MailchimpEmulator } from "../../plugins/mailchimp/Emulator.ts"
import { SalesforceEmulator } from "../../plugins/salesforce/Emulator.ts"
import { SendGridEmulator } from "../../plugins/sendgrid/Emulator.ts"
import { ZohoEmulator } from "../../plugins/zoho/Emulator.ts"
import { SyncEngine } from "../../src/sync/SyncEngine.ts"
import { Emulators } from "../support/Integrating.ts"
import { connect, goOn, people, recorded, runOf, sync, syncingLayer } from "./Syncing.ts"

const n = 10_000
/** Companies that `people` makes. */
const c = 101

/** What the README of a plugin says of its calls, for n new contacts, then for one that changed. */
interface Formula {
  readonly provider: string
  readonly emulator: () => ReturnType<typeof HubSpotEmulator>
  /** The least and the most, where it depends on how companies fall into batches. */
  readonly first: readonly [least: number, most: number]
  readonly changed: readonly [least: number, most: number]
}

const exactly = (calls: number) => [calls, calls] as const
const batches = (contacts: number, size: number) => Math.ceil(contacts / size)

const formulas: ReadonlyArray<Formula> = [
  // A read and a create for each batch of 100.
  { provider: "HUBSPOT", emulator: HubSpotEmulator, first: exactly(2 * batches(n, 100)), changed: exactly(2) },
  // Two queries and a create for each batch of 200, and queries for accounts: a.
  {
    provider: "SALESFORCE",
    emulator: SalesforceEmulator,
    first: [3 * batches(n, 200) + batches(c, 100), 3 * batches(n, 200) + batches(c, 100) + batches(n, 200)],
    changed: [3, 5]
  },
  // An upsert for each batch of 100, and upserts of accounts: a.
  {
    provider: "ZOHO",
    emulator: ZohoEmulator,
    first: [batches(n, 100) + batches(c, 100), 2 * batches(n, 100)],
    changed: [1, 2]
  },
  // Audience and fields; the audience, which is empty, and its archive; a call for each batch of 500.
  {
    provider: "MAILCHIMP",
    emulator: MailchimpEmulator,
    first: exactly(2 + 2 + 2 + batches(n, 500)),
    changed: exactly(2 + 1 + 1)
  },
  // List and fields, and three that are made; two jobs, each over at its second poll; all are looked for.
  {
    provider: "SENDGRID",
    emulator: SendGridEmulator,
    first: exactly(2 + 3 + batches(n, 5000) + 2 * batches(n, 5000) + batches(n, 100)),
    changed: exactly(2 + 1 + 2 + 1)
  }
]

const emulators = Object.fromEntries(formulas.map(({ provider, emulator }) => [provider, emulator]))

layer(syncingLayer(emulators), { excludeTestServices: true, timeout: "60 seconds" })("10,000 contacts", (it) => {
  for (const { provider, first, changed } of formulas) {
    it.effect(
      `reach ${provider} in as many calls as its README says, then only what changed`,
      () =>
        Effect.gen(function* () {
          const sql = yield* PgClient.PgClient
          const engine = yield* SyncEngine
          const user = `user-of-${provider}`
          const { emulator, server } = (yield* Emulators).of(provider)
          const counted = Effect.fnUntraced(function* () {
            const before = server.requests.length
            let run = yield* sync(user, provider)
            while (run.state === "WAITING" || run.state === "RUNNING") {
              yield* run.state === "RUNNING" ? engine.settled(run.id) : goOn(run.id)
              run = { ...run, ...(yield* runOf(user, provider, run.id)) }
            }
            assert.strictEqual(run.state, "COMPLETED", run.error ?? "")
            return { run, requests: server.requests.slice(before) }
          })
          const within = ([least, most]: readonly [number, number], requests: ReadonlyArray<EmulatedRequest>) => {
            const calls = requests.map(({ method, path }) => `${method} ${path}`)
            assert.isTrue(calls.length >= least && calls.length <= most, `${calls.length}: ${calls.slice(0, 20)}`)
          }
          yield* people(user, n)
          yield* connect(user, provider)

          const one = yield* counted()
          assert.deepInclude(one.run, {
            contactsSynced: n,
            total: n,
            created: n,
            rejected: 0,
            pending: 0,
            unconfirmed: 0
          })
          const there = emulator.contacts?.all() ?? []
          assert.strictEqual(there.length, n)
          assert.strictEqual(new Set(there.map(({ email }) => email.toLowerCase())).size, n)
          assert.deepStrictEqual(yield* recorded(user), { created: n })
          within(first, one.requests)

          const two = yield* counted()
          assert.deepInclude(two.run, { contactsSynced: n, total: n, unchanged: n, created: 0, updated: 0 })
          assert.deepStrictEqual(two.requests, [])

          yield* sql`UPDATE nexus.contact SET last_name = 'King' WHERE user_id = ${user} AND email = 'ada.77@example.com'`
          const three = yield* counted()
          assert.deepInclude(three.run, { contactsSynced: n, total: n, unchanged: n - 1 })
          const bodies = three.requests.map(({ body }) => body).join()
          assert.include(bodies, "King")
          assert.notInclude(bodies, "ada.78@example.com")
          assert.strictEqual(emulator.contacts?.all().length, n)
          within(changed, three.requests)
        }),
      { timeout: 60_000 }
    )
  }
})
