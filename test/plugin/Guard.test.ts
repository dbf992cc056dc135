import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, Redacted } from "effect"
import { secretForms } from "../../src/domain/Scrub.ts"
import { guard } from "../../src/plugin/Guard.ts"
import { Outcome } from "../../src/plugin/Outcome.ts"
import { forbidden, rejected } from "../../src/plugin/ProviderError.ts"

const secret = 'key "with" +/&?= ünïcode'
const guarded = guard("Acme", { key: Redacted.make(secret), account: "acme-1" })
const base64 = (text: string) => Buffer.from(text).toString("base64")

const spellings = {
  plain: secret,
  percent: encodeURIComponent(secret),
  form: new URLSearchParams({ key: secret }).toString(),
  json: JSON.stringify({ key: secret }),
  base64: base64(secret),
  "base64 of a user and it": base64(`user:${secret}`),
  "base64 of a longer user and it": base64(`user1:${secret}`),
  "base64 of another user and it": base64(`a-user:${secret}:x`),
  base64url: Buffer.from(secret).toString("base64url")
}

describe("guard", () => {
  for (const [spelling, text] of Object.entries(spellings)) {
    it.effect(`scrubs a secret from errors and reasons: ${spelling}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(guarded.call(() => forbidden(`Not with ${text} of acme-1`, "scope")))
        assert.deepInclude(error.reason, { _tag: "Forbidden", missing: "scope" })
        assert.match(error.detail, /^Not with .*•••• ?.* of acme-1$/)
        const [outcome] = yield* guarded.oneForEach([{ id: "1" }], () =>
          Effect.succeed([Outcome.Rejected({ reason: `Not with ${text}`, retryable: false })])
        )
        if (outcome?._tag !== "Rejected") return assert.fail("not rejected")
        for (const said of [error.detail, outcome.reason]) {
          assert.isFalse(
            secretForms(secret).some((form) => said.includes(form)),
            said
          )
        }
      })
    )
  }

  it.effect("makes an error of a fault, and logs it without the secret", () =>
    Effect.gen(function* () {
      const logged: Array<string> = []
      const logger = Logger.make((entry) => {
        logged.push(Logger.formatJson.log(entry))
      })
      const error = yield* Effect.flip(
        guarded.call(() => {
          throw new Error(`no such thing as ${secret}`)
        })
      ).pipe(Effect.provideService(Logger.CurrentLoggers, new Set([logger])))
      assert.strictEqual(error.reason._tag, "Unavailable")
      assert.match(logged.join(), /no such thing as ••••/)
      assert.notInclude(logged.join(), "ünïcode")
    })
  )

  it.effect("keeps of a provider's words what can be stored, and no more than anybody reads", () =>
    Effect.gen(function* () {
      const half = secret.slice(0, 5)
      const hostile = `a\0b \ud800 ${half}\0${secret.slice(5)} ${"x".repeat(100_000)}`
      const error = yield* Effect.flip(guarded.call(() => rejected(hostile, hostile)))
      const [outcome] = yield* guarded.oneForEach([{ id: "1" }], () =>
        Effect.succeed([Outcome.Rejected({ reason: hostile, field: hostile, retryable: false })])
      )
      if (outcome?._tag !== "Rejected" || error.reason._tag !== "Rejected") return assert.fail("not rejected")
      for (const said of [error.detail, error.reason.field, outcome.reason, outcome.field]) {
        assert.strictEqual(said, `ab \ufffd •••• ${"x".repeat(1000)}`.slice(0, 1000))
      }
      const name = `Acme\0 \ud800 ${"😀".repeat(1000)}`
      const account = yield* guarded.account(() => Effect.succeed({ id: "acme\0-1", label: name }))
      assert.strictEqual(account.id, "acme-1")
      assert.match(account.label, /^Acme \ufffd 😀+\ufffd?$/u)
      assert.isAtMost(account.label.length, 1000)
    })
  )

  it.effect("keeps of a stored file what can be stored, and takes its faults for the plugin's", () =>
    Effect.gen(function* () {
      const stored = {
        id: "f\0-1",
        name: `export \ud800 ${"x".repeat(2000)}`,
        link: "https://acme.example/\0f",
        size: 3
      }
      const file = yield* guarded.file(() => Effect.succeed({ ...stored, checksum: "md5:\0aa" }))
      assert.deepStrictEqual(file, {
        id: "f-1",
        name: `export \ufffd ${"x".repeat(2000)}`.slice(0, 1000),
        link: "https://acme.example/f",
        size: 3,
        checksum: "md5:aa"
      })
      const unlinked = yield* guarded.file(() => Effect.succeed({ ...stored, link: null, checksum: "md5:aa" }))
      assert.isNull(unlinked.link)
      const error = yield* Effect.flip(guarded.file(() => rejected(`Not with ${secret}`)))
      assert.strictEqual(error.detail, "Not with ••••")
      const fault = guarded.file(() => {
        throw new Error(secret)
      })
      assert.strictEqual((yield* Effect.flip(fault)).reason._tag, "Unavailable")
    })
  )

  it.effect("wants an outcome for each contact", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(guarded.oneForEach([{ id: "1" }, { id: "2" }], () => Effect.succeed([])))
      assert.deepStrictEqual(
        [error.reason._tag, error.detail],
        ["Unavailable", "The plugin gave 0 outcomes for 2 contacts"]
      )
    })
  )

  it.effect("wants jobs that can be asked about", () =>
    Effect.gen(function* () {
      const accepted = (job: string) =>
        guarded.oneForEach([{ id: "1" }], () => Effect.succeed([Outcome.Accepted({ job })]))
      assert.strictEqual((yield* Effect.flip(accepted(""))).reason._tag, "Unavailable")
      assert.deepStrictEqual(yield* accepted("j"), [Outcome.Accepted({ job: "j" })])
    })
  )

  it.effect("lets everything else through as it is", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* guarded.call(() => Effect.succeed(42)), 42)
      const { detail } = yield* Effect.flip(guarded.call(() => rejected("A plain sentence", "email")))
      assert.strictEqual(detail, "A plain sentence")
      const outcomes = [Outcome.Created({ externalId: "1" })]
      assert.deepStrictEqual(yield* guarded.oneForEach([{ id: "1" }], () => Effect.succeed(outcomes)), outcomes)
    })
  )
})
