/** Checks that no secret shows up in what a plugin says. */
import { Cause, Effect, Exit, Logger, Option, References, Schema } from "effect"
import { secretForms } from "../../../domain/Scrub.ts"
import { isSecret } from "../../CredentialField.ts"
import { type Check, expect, makeCheck } from "../Check.ts"
import type { EmulatedAnswer } from "../Emulator.ts"
import { bytesFile, keeping, small } from "../FileTrial.ts"
import { connected, tryOAuth } from "../OAuthTrial.ts"
import type { OpenStand, Stand } from "../Stand.ts"
import { tryContacts } from "../Trial.ts"
import { faultsOf } from "./Forms.ts"

export const secretChecks = (open: OpenStand): ReadonlyArray<Check> => [
  makeCheck(
    "no secret shows up in an error, an outcome, an account or a log",
    Effect.gen(function* () {
      const stand = yield* open()
      const secrets = secretsOf(stand)
      if (secrets.length === 0) return "does not apply"
      for (const [situation, said] of yield* situations(stand, secrets)) {
        const leak = secrets.find(({ forms }) => forms.some((form) => said.includes(form)))
        yield* expect(leak === undefined, {
          expected: "Nothing that the plugin says has a secret in it.",
          happened: `${leak?.name} shows up ${situation}.`,
          advice: "Keep secrets Redacted until they go into a request, and log neither requests nor credentials."
        })
      }
    })
  ),
  makeCheck(
    "what comes with tokens is no secret, or in a field for secrets",
    Effect.gen(function* () {
      const trial = yield* tryOAuth(open())
      if (Option.isNone(trial)) return "does not apply"
      const fields = yield* connected(trial.value)
      const isHidden = ([name]: readonly [string, string]) => isSecretField(trial.value.provider, name)
      const secrets = Object.entries(fields).filter(isHidden)
      const said = [
        ...Object.entries(fields).filter((field) => !isHidden(field)),
        ["what the plugin says", yield* listen(trial.value, fields)] as const
      ]
      for (const [place, text] of said) {
        const leak = secrets.find(([, value]) => secretForms(value).some((form) => text.includes(form)))
        yield* expect(leak === undefined, {
          expected: "The tokens of a user who consented are in their own fields and nowhere else.",
          happened: `${leak?.[0]} shows up in ${place}.`,
          advice: "Look at fromAnswer and fromCallback, and make a field that carries a secret with secret(…)."
        })
      }
    })
  ),
  makeCheck(
    "the connect form doesn't repeat a secret that it refuses",
    Effect.gen(function* () {
      const stand = yield* open()
      for (const { name, value } of secretsOf(stand)) {
        const form = { ...stand.emulator.credentials, [name]: `${value}\n` }
        const said = (yield* faultsOf(stand.provider.credentials, form, name)).join(" ")
        yield* expect(!said.includes(value), {
          expected: "What the form says about a wrong secret does not repeat it.",
          happened: `${name} is repeated.`,
          advice: "Give the pattern of the field a message of its own."
        })
      }
    })
  )
]

const isSecretField = ({ credentials }: Stand["provider"], name: string): boolean => {
  const field = credentials.fields[name]
  return field !== undefined && isSecret(field)
}

interface Secret {
  readonly name: string
  readonly value: string
  readonly forms: ReadonlyArray<string>
}

const secretsOf = ({ provider, emulator }: Stand): ReadonlyArray<Secret> =>
  Object.entries(provider.credentials.fields)
    .filter(([, field]) => isSecret(field))
    .flatMap(([name]) =>
      [emulator.credentials[name], emulator.refused?.[name]].flatMap((value) =>
        value === undefined ? [] : [{ name, value, forms: secretForms(value) }]
      )
    )

/** What the plugin says in all sorts of situations: sentences that end with when, and all that was said. */
const situations = Effect.fnUntraced(function* (stand: Stand, secrets: ReadonlyArray<Secret>) {
  const { emulator, server } = stand
  const { unauthorized, unavailable, throttled } = emulator.failures
  const own = secrets.filter(({ name, value }) => emulator.credentials[name] === value)
  const said: Array<readonly [string, string]> = [["when all goes well", yield* listen(stand, emulator.credentials)]]
  if (emulator.refused !== undefined) {
    said.push(["when credentials are refused", yield* listen(stand, emulator.refused)])
  }
  const echoes: ReadonlyArray<readonly [string, EmulatedAnswer]> = [
    ["when the provider refuses credentials, and repeats them", unauthorized],
    ["when the provider throttles, and repeats the credentials", throttled],
    ["when the provider is out of order, and repeats the credentials", unavailable],
    ["when the provider refuses a request, and repeats the credentials", { ...unauthorized, status: 400 }],
    ["when the provider forbids a request, and repeats the credentials", { ...unauthorized, status: 403 }],
    ["when an answer can't be read, and repeats the credentials", { status: 200, body: { error: "unforeseen" } }]
  ]
  for (const [situation, answer] of echoes) {
    server.inject({ kind: echoing(answer, own), times: 1000 })
    said.push([situation, yield* listen(stand, emulator.credentials)])
    server.heal()
  }
  emulator.revokeAccess(true)
  said.push(["when credentials were revoked", yield* listen(stand, emulator.credentials)])
  return said
})

/** An answer whose texts repeat the secrets, in all of their forms. */
const echoing = (answer: EmulatedAnswer, secrets: ReadonlyArray<Secret>): EmulatedAnswer => {
  const all = secrets.flatMap(({ forms }) => forms).join(" ")
  const repeat = (value: unknown): unknown => {
    if (typeof value === "string") return `${value} ${all}`
    if (Array.isArray(value)) return value.map(repeat)
    if (typeof value !== "object" || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, repeat(member)]))
  }
  return { ...answer, body: repeat(answer.body ?? "") }
}

const toJson = Schema.encodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))

/** Everything that a plugin says while it does all that it can: results, errors in every form, logs. */
const listen = Effect.fnUntraced(function* (stand: Stand, credentials: Readonly<Record<string, string>>) {
  const said: Array<string> = []
  const logger = Logger.make<unknown, void>((entry) => {
    said.push(JSON.stringify(Logger.formatStructured.log(entry)))
  })
  const note = Effect.fnUntraced(function* <A, E>(call: Effect.Effect<A, E>) {
    const exit = yield* Effect.exit(call)
    if (Exit.isSuccess(exit)) return void said.push(yield* Effect.orElseSucceed(toJson(exit.value), () => ""))
    const error = Cause.squash(exit.cause)
    said.push(Cause.pretty(exit.cause), String(error), yield* Effect.orElseSucceed(toJson(error), () => ""))
  })
  yield* Effect.gen(function* () {
    const { verify, contacts, files, revoke } = yield* stand.session(credentials)
    yield* note(verify)
    if (files !== undefined) yield* note(files.put(bytesFile("secret.csv", small), keeping()))
    said.push(...stand.remembered)
    const trial = yield* tryContacts(Effect.succeed(stand))
    if (contacts !== undefined && Option.isSome(trial)) {
      const batch = trial.value.some([1, 2])
      yield* note(contacts.describeFields)
      yield* note(contacts.upsert(batch))
      if (contacts.poll !== undefined) yield* note(contacts.poll("job-1", batch))
      if (contacts.remove !== undefined) yield* note(contacts.remove(batch))
    }
    // Not the accepted ones: the situations after this one need them.
    if (revoke !== undefined && credentials !== stand.emulator.credentials) yield* note(revoke)
  }).pipe(
    Effect.scoped,
    Effect.provideService(Logger.CurrentLoggers, new Set([logger])),
    Effect.provideService(References.MinimumLogLevel, "All")
  )
  return said.join("\n")
})
