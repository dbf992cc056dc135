import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { audited } from "../support/People.ts"
import { takeOutbox } from "../support/Producer.ts"
import { TestApi } from "../support/TestApi.ts"

const nobody = "0199f0a0-0000-7000-8000-000000000000"
const john = {
  email: "john@example.com",
  firstName: "John",
  lastName: "Doe",
  phone: "+1234567890",
  company: "Example Inc.",
  jobTitle: "Engineer",
  cardId: "card-123",
  tags: ["lead", "vip"],
  customFields: { score: 4.5, newsletter: true, note: 'says "hi"' }
}

const create = Effect.fnUntraced(function* (body: object, token?: string) {
  const { ask } = yield* TestApi
  const answer = yield* ask("POST", "/contacts", { token, body })
  assert.strictEqual(answer.status, 201, answer.text)
  return answer.json
})

const emails = (contacts: ReadonlyArray<{ email: string }>) => contacts.map(({ email }) => email)

layer(TestApi.layer(), { excludeTestServices: true, timeout: "60 seconds" })("Contacts over HTTP", (it) => {
  it.effect("are created with their event and an audit entry that says nothing about the person", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const made = yield* create(john)
      const { id, userId, createdAt, updatedAt, ...rest } = made
      assert.deepStrictEqual(rest, john)
      assert.deepStrictEqual([userId, updatedAt], ["user-123", createdAt])
      assert.deepStrictEqual((yield* ask("GET", `/contacts/${id}`)).json, made)
      assert.deepStrictEqual(
        (yield* takeOutbox).map(({ userId, eventType, payload }) => [userId, eventType, payload]),
        [
          [
            "user-123",
            "CONTACT_CREATED",
            `{"contactId":"${id}","firstName":"John","lastName":"Doe","email":"john@example.com","phone":"+1234567890","cardId":"card-123"}`
          ]
        ]
      )
      const [entry] = yield* audited(id)
      assert.deepInclude(entry, { userId: "user-123", actor: "user-123", action: "contact.created" })
      assert.notMatch(JSON.stringify(entry?.detail), /john|doe|\+123/i)
    })
  )

  it.effect("have an address once for each user, whatever its case and the spaces around it", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const ann = yield* token("ann")
      const { id, email } = yield* create({ email: " Ann@Example.com " }, ann)
      assert.strictEqual(email, "Ann@Example.com")
      const answer = yield* ask("POST", "/contacts", { token: ann, body: { email: "ann@example.COM" } })
      assert.deepStrictEqual(
        [answer.status, answer.json.type, answer.json.id],
        [409, "urn:nexus:problem:contact-exists", id]
      )
      assert.include(answer.json.detail, id)
      yield* create({ email: "ann@example.com" }, yield* token("bob"))
    })
  )

  it.effect("are created once for one idempotency key", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const request = { headers: { "idempotency-key": "c-1" }, body: { email: "once@example.com" } }
      const first = yield* ask("POST", "/contacts", request)
      const second = yield* ask("POST", "/contacts", request)
      assert.deepStrictEqual([first.status, second.status, second.text], [201, 201, first.text])
    })
  )

  it.effect("are refused with every field that is wrong", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const answer = yield* ask("POST", "/contacts", {
        body: {
          email: "john@localhost",
          phone: "1".repeat(65),
          firstName: "a\0b",
          tags: ["fine", " spaced"],
          customFields: { "not a name": 1, deep: {} },
          nickname: "J"
        }
      })
      assert.strictEqual(answer.status, 400)
      assert.sameMembers(
        answer.json.errors.map(({ path }: { path: string }) => path),
        ["email", "phone", "firstName", "tags.1", "customFields.deep", "nickname"]
      )
      const named = yield* ask("POST", "/contacts", { body: { email: "a@b.co", customFields: { "not a name": 1 } } })
      assert.deepStrictEqual([named.status, named.json.errors[0].path], [400, "customFields.not a name"])
    })
  )

  it.effect("are found by name, address, company and tag, and paged", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const pia = yield* token("pia")
      yield* create({ email: "one@x.co", firstName: "Jane", lastName: "Roe", tags: ["a"] }, pia)
      yield* create({ email: "two@x.co", company: "100% Juice_Co" }, pia)
      yield* create({ email: "three@y.co", firstName: "Jan", tags: ["a", "b"] }, pia)
      const found = (query: string) =>
        Effect.map(ask("GET", `/contacts?${query}`, { token: pia }), ({ json }) => emails(json))
      assert.deepStrictEqual(yield* found("search=jane%20r"), ["one@x.co"])
      assert.deepStrictEqual(yield* found("search=JAN"), ["three@y.co", "one@x.co"])
      assert.deepStrictEqual(yield* found("search=%25"), ["two@x.co"])
      assert.deepStrictEqual(yield* found("search=%40X.co"), ["two@x.co", "one@x.co"])
      assert.deepStrictEqual(yield* found("tag=a"), ["three@y.co", "one@x.co"])
      assert.deepStrictEqual(yield* found("tag=a&search=jane"), ["one@x.co"])
      const first = yield* ask("GET", "/contacts?limit=2&search=co", { token: pia })
      const next = /^<(.*)>; rel="next"$/.exec(first.headers.get("link") ?? "")?.[1] ?? ""
      const second = yield* ask("GET", next, { token: pia })
      assert.deepStrictEqual(emails([...first.json, ...second.json]), ["three@y.co", "two@x.co", "one@x.co"])
      assert.isNull(second.headers.get("link"))
    })
  )

  it.effect("change what a patch names, and nothing by one that changes nothing", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const sql = yield* PgClient.PgClient
      const max = yield* token("max")
      const made = yield* create({ ...john, email: "max@x.co" }, max)
      const path = `/contacts/${made.id}`
      const patched = yield* ask("PATCH", path, {
        token: max,
        body: { firstName: null, company: "", tags: [], customFields: { score: null, added: "x" } }
      })
      assert.strictEqual(patched.status, 200, patched.text)
      const { updatedAt: _, ...expected } = made
      const { updatedAt, ...shown } = patched.json
      assert.isAbove(Date.parse(updatedAt), Date.parse(made.updatedAt))
      assert.deepStrictEqual(shown, {
        ...expected,
        firstName: null,
        company: null,
        tags: [],
        customFields: { newsletter: true, note: 'says "hi"', added: "x" }
      })

      const mark = sql<{ mark: string }>`SELECT changed_in::text AS mark FROM nexus.contact WHERE id = ${made.id}::uuid`
      const before = yield* mark
      const again = yield* ask("PATCH", path, { token: max, body: { lastName: "Doe", email: "max@x.co" } })
      assert.deepStrictEqual(again.json, patched.json)
      assert.deepStrictEqual(yield* mark, before)
      assert.deepStrictEqual((yield* audited(made.id)).map(({ action, detail }) => [action, detail]).slice(1), [
        ["contact.updated", { fields: ["firstName", "company", "tags", "customFields"] }]
      ])
    })
  )

  it.effect("don't take another's address, nor more custom fields than there may be", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const eve = yield* token("eve")
      const { id } = yield* create({ email: "one@x.co" }, eve)
      const other = yield* create({ email: "two@x.co" }, eve)
      const taken = yield* ask("PATCH", `/contacts/${other.id}`, { token: eve, body: { email: "ONE@x.co" } })
      assert.deepStrictEqual([taken.status, taken.json.id], [409, id])
      const fields = (prefix: string) =>
        Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`${prefix}${index}`, index]))
      const patch = (customFields: object) => ask("PATCH", `/contacts/${id}`, { token: eve, body: { customFields } })
      assert.strictEqual((yield* patch(fields("a"))).status, 200)
      const many = yield* patch(fields("b"))
      assert.deepStrictEqual([many.status, many.json.type], [400, "urn:nexus:problem:invalid-contact"])
      assert.strictEqual(
        Object.keys((yield* ask("GET", `/contacts/${id}`, { token: eve })).json.customFields).length,
        60
      )
    })
  )

  it.effect("racing for one address end as one contact and one refusal, each time", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const rae = yield* token("rae")
      const body = { email: "race@x.co" }
      const answers = yield* Effect.all(
        Array.from({ length: 10 }, () => ask("POST", "/contacts", { token: rae, body })),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(answers.map(({ status }) => status).sort(), [201, ...Array.from({ length: 9 }, () => 409)])
    })
  )

  it.effect("are deleted, and are gone then", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const { id } = yield* create({ email: "gone@x.co" })
      const deleted = yield* ask("DELETE", `/contacts/${id}`)
      assert.deepStrictEqual([deleted.status, deleted.json], [200, { success: true }])
      assert.strictEqual((yield* ask("DELETE", `/contacts/${id}`)).status, 404)
      assert.deepStrictEqual(
        (yield* audited(id)).map(({ action }) => action),
        ["contact.created", "contact.deleted"]
      )
    })
  )

  it.effect("of another user are as if they did not exist", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const { id } = yield* create({ email: "mine@x.co" })
      const other = yield* token("someone-else", "admin")
      for (const named of [id, nobody, "no-id"]) {
        for (const [method, body] of [["GET"], ["PATCH", { firstName: "X" }], ["DELETE"]] as const) {
          const answer = yield* ask(method, `/contacts/${named}`, { token: other, body })
          assert.deepStrictEqual([answer.status, answer.json.type], [404, "urn:nexus:problem:contact-not-found"])
        }
      }
      assert.deepStrictEqual((yield* ask("GET", "/contacts", { token: other })).json, [])
      assert.notInclude((yield* ask("GET", "/contacts/export", { token: other })).text, "mine@x.co")
      assert.strictEqual((yield* ask("GET", "/contacts", { token: "" })).status, 401)
    })
  )

  it.effect("name the methods that a path takes", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      for (const [method, path, allow] of [
        ["PUT", "/contacts", "GET, HEAD, POST"],
        ["POST", "/contacts/export", "GET, HEAD, PATCH, DELETE"]
      ] as const) {
        const answer = yield* ask(method, path)
        assert.strictEqual(answer.status, 405, `${method} ${path}`)
        assert.strictEqual(answer.headers.get("allow"), allow)
      }
    })
  )
})
