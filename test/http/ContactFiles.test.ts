import { tmpdir } from "node:os"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Schedule } from "effect"
import { takeOutbox } from "../support/Producer.ts"
import { TestApi } from "../support/TestApi.ts"

const csv = { "content-type": "text/csv" }

const upload = Effect.fnUntraced(function* (user: string, body: string | Uint8Array | ReadableStream, query = "") {
  const { ask, token } = yield* TestApi
  return yield* ask("POST", `/contacts/import${query}`, { token: yield* token(user), headers: csv, body })
})

const contactsOf = Effect.fnUntraced(function* (user: string) {
  const { ask, token } = yield* TestApi
  return (yield* ask("GET", "/contacts?limit=200", { token: yield* token(user) })).json
})

const spooled = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  return (yield* fs.readDirectory(tmpdir())).filter((name) => name.startsWith("nexus-body-"))
})

layer(TestApi.layer(), { excludeTestServices: true, timeout: "60 seconds" })("Files of contacts over HTTP", (it) => {
  it.effect("are imported: new, changed and unchanged rows count, those that don't fit are told of", () =>
    Effect.gen(function* () {
      const first = yield* upload("ina", "E-mail,First Name,custom.score\r\na@x.co,Ann,1\r\nb@x.co,Bob,\r\n")
      assert.deepStrictEqual(
        [first.status, first.json],
        [200, { created: 2, updated: 0, unchanged: 0, rejected: 0, errors: [] }]
      )
      const second = yield* upload(
        "ina",
        "email;first_name\na@x.co;Anna\nb@x.co;\nnope;X\nA@X.CO;twice\nc@x.co\nd@x.co;D\n"
      )
      assert.deepStrictEqual(second.json, {
        created: 1,
        updated: 1,
        unchanged: 1,
        rejected: 3,
        errors: [
          { line: 4, column: "email", message: "Expected an email address, for example john@example.com" },
          { line: 5, column: "email", message: "Line 2 has the same email address" },
          { line: 6, column: null, message: "The row has 1 cells, the header 2" }
        ]
      })
      assert.sameDeepMembers(
        (yield* contactsOf("ina")).map(({ email, firstName, customFields }: Record<string, unknown>) => [
          email,
          firstName,
          customFields
        ]),
        [
          ["a@x.co", "Anna", { score: 1 }],
          ["b@x.co", "Bob", {}],
          ["d@x.co", "D", {}]
        ]
      )
      assert.deepStrictEqual(yield* takeOutbox, [])
    })
  )

  it.effect("emit CONTACT_CREATED for new contacts when asked, and write nothing in a dry run", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const file = "email,firstName\na@x.co,A\nb@x.co,B\n"
      const dry = yield* upload("emil", file, "?dryRun=true&emit=true")
      assert.deepStrictEqual([dry.json.created, yield* contactsOf("emil"), yield* takeOutbox], [2, [], []])
      assert.deepStrictEqual(yield* sql`SELECT FROM nexus.audit_log WHERE user_id = 'emil'`, [])
      yield* upload("emil", "email\nA@X.co\n")
      yield* upload("emil", file, "?emit=true")
      assert.deepStrictEqual(
        (yield* takeOutbox).map(({ userId, payload }) => [userId, JSON.parse(payload).email]),
        [["emil", "b@x.co"]]
      )
      assert.strictEqual((yield* upload("emil", file, "?emit=maybe")).status, 400)
    })
  )

  it.effect("that can't be read change nothing, and leave no temporary file", () =>
    Effect.gen(function* () {
      const rows = Array.from({ length: 1200 }, (_, index) => `p${index}@x.co,P`).join("\n")
      const answer = yield* upload("ben", `email,firstName\n${rows}\nlast@x.co,"never closed`)
      assert.deepStrictEqual(
        [answer.status, answer.json.type, answer.json.line],
        [400, "urn:nexus:problem:invalid-csv", 1202]
      )
      assert.match(answer.json.detail, /Line 1202.*never closed.*Nothing was imported/)
      assert.deepStrictEqual(yield* contactsOf("ben"), [])
      assert.deepStrictEqual(yield* spooled, [])
    })
  )

  it.effect("are taken as text/csv alone, and up to 50 MiB", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const json = yield* ask("POST", "/contacts/import", { body: { email: "a@x.co" } })
      assert.strictEqual(json.status, 415)
      assert.include(json.json.detail, "text/csv")
      const packed = yield* ask("POST", "/contacts/import", {
        headers: { ...csv, "content-encoding": "gzip" },
        body: "x"
      })
      assert.strictEqual(packed.status, 415)

      const announced = yield* upload("big", new Uint8Array(50 * 1024 * 1024 + 1).fill(97))
      assert.deepStrictEqual([announced.status, announced.json.limit], [413, 50 * 1024 * 1024])
      let sent = 0
      const chunk = new Uint8Array(1024 * 1024).fill(97)
      const body = new ReadableStream({
        pull(controller) {
          if (sent++ < 52) controller.enqueue(chunk)
          else controller.close()
        }
      })
      assert.strictEqual((yield* upload("big", body)).status, 413)
      assert.deepStrictEqual(yield* spooled, [])
    })
  )

  it.effect("that come slowly keep no transaction waiting, and are gone when their client is", () =>
    Effect.gen(function* () {
      const { url, token } = yield* TestApi
      const sql = yield* PgClient.PgClient
      const authorization = `Bearer ${yield* token("slow")}`
      const client = new AbortController()
      const body = new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode("email\na@x.co\n"))
      })
      const request = fetch(`${url}/contacts/import`, {
        method: "POST",
        headers: { ...csv, authorization },
        body,
        duplex: "half",
        signal: client.signal
      }).catch(() => "aborted")
      const until = (count: number) =>
        spooled.pipe(
          Effect.repeat({ until: (files) => files.length === count, schedule: Schedule.spaced("10 millis") }),
          Effect.timeout("20 seconds")
        )
      yield* until(1)
      assert.deepStrictEqual(
        yield* sql`
          SELECT state, query FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL AND query ~ 'contact'`,
        []
      )
      client.abort()
      assert.strictEqual(yield* Effect.promise(() => request), "aborted")
      yield* until(0)
      assert.deepStrictEqual(yield* contactsOf("slow"), [])
    })
  )

  it.effect("are taken beyond the limit of other bodies", () =>
    Effect.gen(function* () {
      const note = "n".repeat(4000)
      const rows = Array.from({ length: 400 }, (_, index) => `p${index}@x.co,${note}`).join("\n")
      const answer = yield* upload("mia", `email,custom.note\n${rows}`)
      assert.strictEqual(answer.json.created, 400, answer.text)
    })
  )

  it.effect("are exported as an attachment that can be imported again", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      const exo = yield* token("exo")
      const body = {
        email: "a@x.co",
        firstName: "=1+1",
        phone: "+1 555-0100",
        company: 'Say "hi", Inc.',
        tags: ["a;b", "c"],
        customFields: { n: -12.5, text: "5" }
      }
      const made = (yield* ask("POST", "/contacts", { token: exo, body })).json
      const file = yield* ask("GET", "/contacts/export", { token: exo })
      assert.strictEqual(file.status, 200)
      assert.match(file.headers.get("content-type") ?? "", /^text\/csv/)
      assert.match(
        file.headers.get("content-disposition") ?? "",
        /^attachment; filename="contacts-export-\d{8}T\d{6}Z\.csv"$/
      )
      assert.strictEqual(
        file.text,
        "id,email,firstName,lastName,phone,company,jobTitle,cardId,tags,customFields.n,customFields.text,createdAt,updatedAt\r\n" +
          `${made.id},a@x.co,'=1+1,,+1 555-0100,"Say ""hi"", Inc.",,,"[""a;b"",""c""]",-12.5,"""5""",${made.createdAt},${made.updatedAt}\r\n`
      )
      assert.deepInclude((yield* upload("exo", file.text)).json, { created: 0, unchanged: 1, rejected: 0 })
      yield* upload("copy", file.text)
      assert.deepInclude((yield* contactsOf("copy"))[0], body)
    })
  )

  it.effect("may give a contact more custom fields than a change may; it can be changed all the same", () =>
    Effect.gen(function* () {
      const { ask, token } = yield* TestApi
      for (const letter of ["a", "b"]) {
        const names = Array.from({ length: 60 }, (_, n) => `customFields.${letter}${n}`)
        yield* upload("max", `email,${names.join(",")}\nmax@x.co,${names.map(() => "1").join(",")}\n`)
      }
      const [{ id }] = yield* contactsOf("max")
      const patch = Effect.fnUntraced(function* (body: object) {
        return (yield* ask("PATCH", `/contacts/${id}`, { token: yield* token("max"), body })).status
      })
      assert.strictEqual(yield* patch({ firstName: "Max" }), 200)
      assert.strictEqual(yield* patch({ customFields: { more: 1 } }), 400)
      assert.strictEqual(yield* patch({ customFields: { a0: null, a1: null, instead: 1 } }), 200)
    })
  )
})
