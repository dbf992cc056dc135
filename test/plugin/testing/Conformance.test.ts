/** Each check of the conformance suite fails for a plugin with just the fault that it looks for. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Result, Schema, SchemaTransformation } from "effect"
import { HttpClientRequest } from "effect/http"
import {
  type FormSchema,
  Outcome,
  perConnection,
  plugin,
  readJson,
  rejected,
  text,
  unavailable
} from "nexus-integrations/plugin"
import { CheckFailed, conformance } from "nexus-integrations/plugin/testing"
import {
  type AcmeConnection,
  type AcmeContacts,
  type AcmeDefinition,
  acme,
  api,
  apiKey,
  Credentials,
  contacts,
  describeFields,
  execute,
  Found,
  find,
  makeUpsert,
  send,
  verify,
  write
} from "../fixtures/Acme.ts"
import { AcmeEmulator } from "../fixtures/AcmeEmulator.ts"
import { acmeImports, importing } from "../fixtures/AcmeImports.ts"

const check = {
  account: "verify names the account, the same one each time",
  again: "syncing again makes no duplicates, and contacts keep their ids",
  bad: "one bad contact of a batch is rejected alone, with a reason in words",
  changed: "a contact that changed is Updated, and the provider has its new value",
  declaration: "its declaration is one that can work",
  example: "its connect form explains each field, with an example that fits",
  first: "a first sync creates every contact, with our values",
  form: "its connect form refuses what doesn't fit, and names the field",
  hosts: "its requests go to the declared hosts alone, and all of these are emulated",
  kept: "a value that the provider has and we don't stays",
  lost: "after a lost answer, the same contacts again make no duplicates",
  many: "contacts that are there already are found, all 120 of them",
  mapping: "its default mapping aims at fields that the provider has",
  members: "answers with members that nobody knows yet are understood",
  outage: "an outage during a sync is told at once, and not retried by the plugin",
  readOnly: "verify changes nothing at the provider",
  refused: "refused credentials are told from an outage",
  remove: "removed contacts are gone, the others stay, and a contact that is not there is no error",
  repeated: "the connect form doesn't repeat a secret that it refuses",
  revoke: "revoke revokes the credentials once, and a second time is no error",
  revoked: "credentials that are revoked later are Unauthorized in every call",
  secret: "no secret shows up in an error, an outcome, an account or a log",
  stored: "its credentials and settings can be stored and read again",
  throttled: "it recognises throttled answers, and takes no other answer for one",
  waiting: "throttling is waited out, at any request",
  webhook: "its webhook's URL is an https address that is kept secret",
  whole: "a whole batch goes through, and a second time"
}

const withContacts = (changed: Partial<AcmeContacts>): AcmeDefinition => ({
  ...acme,
  contacts: { ...contacts, ...changed }
})
const withUpsert = (upsert: AcmeContacts["upsert"]) => withContacts({ upsert })
const upsert = makeUpsert()
const withForm = (credentials: FormSchema<typeof Credentials.Type>): AcmeDefinition => ({ ...acme, credentials })
const account = { title: "Account", description: "Settings, Account.", example: "Account-0" }

/** The contacts that the first page of all contacts has. */
const findOnFirstPage = Effect.fnUntraced(function* (connection: AcmeConnection) {
  const answer = yield* send(connection, HttpClientRequest.get(`${api}/contacts`))
  const { items } = yield* readJson(Schema.Struct({ items: Schema.Array(Found) }))(answer)
  return new Map(items.map((contact): [string, Found] => [String(contact.fields.email), contact]))
})

/** Remembers for the whole run who was there, and forgets those that it made itself and heard nothing of. */
const whoIsThere = perConnection((_: AcmeConnection) => Effect.sync(() => new Map<string, Found>()))
const asked = perConnection((_: AcmeConnection) => Effect.sync(() => new Set<string>()))
const findOnce: typeof find = Effect.fnUntraced(function* (connection, batch) {
  const known = yield* whoIsThere(connection)
  const before = yield* asked(connection)
  const unasked = batch.filter(({ email }) => !before.has(email))
  if (unasked.length > 0) for (const [email, one] of yield* find(connection, unasked)) known.set(email, one)
  for (const { email } of unasked) before.add(email)
  return known
})
const rememberingUpsert: AcmeContacts["upsert"] = Effect.fnUntraced(function* (connection, batch) {
  const outcomes = yield* makeUpsert({ find: findOnce })(connection, batch)
  const known = yield* whoIsThere(connection)
  for (const [index, { email, fields }] of batch.entries()) {
    const outcome = outcomes[index]
    if (outcome?._tag === "Created") known.set(email, { id: outcome.externalId, fields })
    if (outcome?._tag === "Updated") known.set(email, { id: outcome.externalId, fields })
  }
  return outcomes
})

const repeatingKey = Schema.RedactedFromValue(
  Schema.String.annotate({ title: "API key", description: "Settings, API.", examples: ["acme-key-0000000000"] }).check(
    Schema.makeFilter((key) => /^[\x21-\x7e]{8,}$/.test(key) || `Expected a key, and got ${key}`)
  )
).annotate({ isSecret: true })

/** Upserts, with something else about contacts that are refused. */
const refusing =
  (changed: { readonly reason?: string; readonly retryable?: boolean }): AcmeContacts["upsert"] =>
  (connection, batch) =>
    Effect.map(upsert(connection, batch), (outcomes) =>
      outcomes.map((outcome) => (outcome._tag === "Rejected" ? { ...outcome, ...changed } : outcome))
    )

/** Creates without looking for the culprit of a batch that is refused. */
const hastyUpsert: AcmeContacts["upsert"] = Effect.fnUntraced(function* (connection, batch) {
  const there = yield* find(connection, batch)
  const missing = batch.filter(({ email }) => !there.has(email))
  const ids = yield* write(connection, "POST", missing)
  yield* upsert(
    connection,
    batch.filter(({ email }) => there.has(email))
  )
  return batch.map((contact) => {
    const known = there.get(contact.email)
    return known === undefined
      ? Outcome.Created({ externalId: ids[missing.indexOf(contact)] ?? "" })
      : Outcome.Updated({ externalId: known.id })
  })
})

const decodeStrictly = Schema.decodeUnknownEffect(Schema.Struct({ id: Schema.String, name: Schema.String }), {
  onExcessProperty: "error"
})
const strictVerify: AcmeDefinition["verify"] = Effect.fnUntraced(function* (connection) {
  const answer = yield* send(connection, HttpClientRequest.get(`${api}/me`))
  const { id, name } = yield* answer.json.pipe(
    Effect.flatMap(decodeStrictly),
    Effect.mapError(() => unavailable("The answer can't be read"))
  )
  return { id, label: name }
})

let ids = 0

interface Plant {
  readonly fault: string
  readonly planted: AcmeDefinition
  /** The checks that fail, and no other does. */
  readonly fails: ReadonlyArray<string>
}

const plants: ReadonlyArray<Plant> = [
  {
    fault: "whose logo has no colour",
    planted: { ...acme, logo: { monogram: "A", color: "blue" } },
    fails: [check.declaration]
  },
  {
    fault: "that takes every 404 for a throttled answer",
    planted: {
      ...acme,
      limits: {
        concurrency: 2,
        throttled: ({ status }) => ([404, 429].includes(status) ? { kind: "rate" } : undefined)
      }
    },
    fails: [check.throttled]
  },
  {
    fault: "that waits for longer than the client does",
    planted: {
      ...acme,
      limits: {
        concurrency: 2,
        throttled: ({ status }) => (status === 429 ? { kind: "rate", retryAfter: "3 minutes" } : undefined)
      }
    },
    fails: [check.waiting]
  },
  {
    fault: "that doesn't know what throttling looks like",
    planted: { ...acme, limits: { concurrency: 2, throttled: () => undefined } },
    fails: [check.throttled, check.waiting]
  },
  {
    fault: "that reads the first page of fields only",
    planted: withContacts({ describeFields: (connection) => describeFields(connection, 1) }),
    fails: [check.mapping]
  },
  {
    fault: "whose credentials come back changed",
    planted: withForm(
      Schema.Struct({ apiKey, account: text(account).pipe(Schema.decode(SchemaTransformation.toLowerCase())) })
    ),
    fails: [check.stored]
  },
  {
    fault: "whose example doesn't fit its field",
    planted: withForm(
      Schema.Struct({ apiKey, account: text(account, { pattern: /^Account-1$/, message: "Expected an account" }) })
    ),
    fails: [check.example]
  },
  {
    fault: "whose form takes line breaks",
    planted: withForm(
      Schema.Struct({ apiKey, account: Schema.String.annotate({ ...account, examples: [account.example] }) })
    ),
    fails: [check.form]
  },
  {
    fault: "whose form repeats a secret",
    planted: withForm(Schema.Struct({ ...Credentials.fields, apiKey: repeatingKey })),
    fails: [check.repeated]
  },
  {
    fault: "whose account has no label",
    planted: { ...acme, verify: (connection) => Effect.map(verify(connection), (found) => ({ ...found, label: "" })) },
    fails: [check.account]
  },
  {
    fault: "that writes in order to verify",
    planted: {
      ...acme,
      verify: (connection) =>
        Effect.andThen(write(connection, "POST", [{ fields: { email: "probe@example.com" } }]), verify(connection))
    },
    fails: [check.readOnly]
  },
  {
    fault: "that takes an outage for refused credentials",
    planted: { ...acme, verify: (connection) => Effect.mapError(verify(connection), () => rejected("Refused")) },
    fails: [check.refused, check.revoked]
  },
  {
    fault: "that takes refused credentials for an outage",
    planted: { ...acme, verify: (connection) => Effect.mapError(verify(connection), () => unavailable("Refused")) },
    fails: [check.refused, check.revoked]
  },
  {
    fault: "that tries again by itself",
    planted: withUpsert((connection, batch) => Effect.retry(upsert(connection, batch), { times: 1 })),
    fails: [check.outage]
  },
  {
    fault: "that takes revoked credentials for bad contacts",
    planted: withUpsert((connection, batch) =>
      Effect.catchReason(upsert(connection, batch), "ProviderError", "Unauthorized", () =>
        Effect.succeed(batch.map(() => Outcome.Rejected({ reason: "Not allowed to write", retryable: true })))
      )
    ),
    fails: [check.revoked]
  },
  {
    fault: "that logs its key",
    planted: withUpsert((connection, batch) =>
      Effect.andThen(
        Effect.logDebug("Sending", Redacted.value(connection.credentials.apiKey)),
        upsert(connection, batch)
      )
    ),
    fails: [check.secret]
  },
  {
    fault: "that shows its key in the account",
    planted: {
      ...acme,
      verify: (connection) =>
        Effect.map(verify(connection), ({ id }) => ({ id, label: Redacted.value(connection.credentials.apiKey) }))
    },
    fails: [check.secret]
  },
  {
    fault: "that gives no external ids",
    planted: withUpsert((connection, batch) =>
      Effect.map(upsert(connection, batch), (outcomes) =>
        outcomes.map((outcome) => ("externalId" in outcome ? { ...outcome, externalId: "" } : outcome))
      )
    ),
    fails: [check.first]
  },
  {
    fault: "that gives outcomes in another order",
    planted: withUpsert((connection, batch) =>
      Effect.map(upsert(connection, batch), (outcomes) => [...outcomes].reverse())
    ),
    fails: [check.changed]
  },
  {
    fault: "that drops a field",
    planted: withUpsert((connection, batch) =>
      upsert(
        connection,
        batch.map(({ fields: { title: _, ...fields }, ...contact }) => ({ ...contact, fields }))
      )
    ),
    fails: [check.first, check.changed, check.kept]
  },
  {
    fault: "that takes every contact for a new one",
    planted: withUpsert(makeUpsert({ find: () => Effect.succeed(new Map()) })),
    fails: [check.again, check.changed, check.kept, check.many, check.whole, check.lost, check.members]
  },
  {
    fault: "that makes a new id for each contact at each call",
    planted: withUpsert((connection, batch) =>
      Effect.map(upsert(connection, batch), (outcomes) =>
        outcomes.map((outcome) => ("externalId" in outcome ? { ...outcome, externalId: `c${ids++}` } : outcome))
      )
    ),
    fails: [check.again]
  },
  {
    fault: "that never updates what is there",
    planted: withUpsert(makeUpsert({ differs: () => false })),
    fails: [check.changed, check.kept]
  },
  {
    fault: "that clears what it doesn't send",
    planted: withUpsert(makeUpsert({ more: { replace: true } })),
    fails: [check.kept]
  },
  {
    fault: "that reads the first page of contacts only",
    planted: withUpsert(makeUpsert({ find: findOnFirstPage })),
    fails: [check.many, check.whole]
  },
  {
    fault: "whose batches are larger than the provider takes",
    planted: withContacts({ batchSize: 51 }),
    fails: [check.many, check.whole]
  },
  {
    fault: "that fails the whole batch for one bad contact",
    planted: withUpsert(hastyUpsert),
    fails: [check.bad, check.members]
  },
  {
    fault: "whose reasons are codes",
    planted: withUpsert(refusing({ reason: "INVALID_EMAIL" })),
    fails: [check.bad, check.members]
  },
  {
    fault: "that sends bad contacts again and again",
    planted: withUpsert(refusing({ retryable: true })),
    fails: [check.bad, check.members]
  },
  {
    fault: "that trusts its memory after a lost answer",
    planted: withUpsert(rememberingUpsert),
    fails: [check.lost]
  },
  {
    fault: "that refuses answers with unknown members",
    planted: { ...acme, verify: strictVerify },
    fails: [check.members]
  },
  {
    fault: "that takes a contact that is gone for an error",
    planted: withContacts({
      remove: (connection, batch) =>
        Effect.map(contacts.remove(connection, batch), (outcomes) =>
          outcomes.map((outcome) =>
            outcome._tag === "Unchanged" ? Outcome.Rejected({ reason: "Not found", retryable: true }) : outcome
          )
        )
    }),
    fails: [check.remove]
  },
  {
    fault: "that removes nothing",
    planted: withContacts({
      remove: (_, batch) => Effect.succeed(batch.map(() => Outcome.Updated({ externalId: "" })))
    }),
    fails: [check.revoked, check.remove]
  },
  {
    fault: "that can't revoke twice",
    planted: {
      ...acme,
      revoke: (connection) => Effect.asVoid(send(connection, HttpClientRequest.post(`${api}/revoke`)))
    },
    fails: [check.revoke]
  },
  {
    fault: "that tells a tracker",
    planted: withUpsert((connection, batch) =>
      Effect.andThen(
        Effect.ignore(execute(connection, HttpClientRequest.get("https://tracker.example/hit"))),
        upsert(connection, batch)
      )
    ),
    fails: [check.hosts]
  },
  {
    fault: "whose webhook is not https",
    planted: { ...acme, webhook: () => Redacted.make("http://hooks.acme.example/1") },
    fails: [check.webhook]
  },
  {
    fault: "whose jobs never end",
    planted: {
      ...acmeImports,
      contacts: { ...importing, poll: (_, job, batch) => Effect.succeed(batch.map(() => Outcome.Accepted({ job }))) }
    },
    fails: [
      check.first,
      check.again,
      check.changed,
      check.kept,
      check.many,
      check.whole,
      check.bad,
      check.lost,
      check.waiting,
      check.members,
      check.remove
    ]
  }
]

describe("conformance", () => {
  for (const [what, definition] of [
    ["a plugin without faults", acme],
    ["one whose provider works in the background", acmeImports]
  ] as const) {
    it.live(`passes ${what}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* failures(definition), [])
      })
    )
  }

  it("has a fault for each of its checks", () => {
    const names = conformance(plugin(acme), AcmeEmulator).map(({ name }) => name)
    const found = new Set(plants.flatMap(({ fails }) => fails))
    assert.deepStrictEqual(
      names.filter((name) => !found.has(name)),
      []
    )
  })

  for (const { fault, planted, fails } of plants) {
    it.live(`finds a plugin ${fault}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* failures(planted), fails)
      })
    )
  }
})

/** The names of the checks that fail. */
function failures(definition: AcmeDefinition) {
  return Effect.map(
    Effect.forEach(conformance(plugin(definition), AcmeEmulator), ({ name, run }) =>
      Effect.map(Effect.result(run), (result) => {
        if (Result.isSuccess(result)) return []
        assert.instanceOf(result.failure, CheckFailed)
        return [name]
      })
    ),
    (names) => names.flat()
  )
}
