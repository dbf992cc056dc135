/** Checks of the forms of credentials and settings. */
import { Effect, Equal, Schema, SchemaIssue } from "effect"
import type { FormSchema } from "../../Provider.ts"
import { type Check, CheckFailed, expect, makeCheck } from "../Check.ts"
import type { OpenStand } from "../Stand.ts"

export const formChecks = (open: OpenStand): ReadonlyArray<Check> => [
  makeCheck(
    "its credentials and settings can be stored and read again",
    Effect.gen(function* () {
      const { provider, emulator } = yield* open()
      yield* roundTrip("credentials", provider.credentials, emulator.credentials)
      if (emulator.refused !== undefined)
        yield* roundTrip("refused credentials", provider.credentials, emulator.refused)
      const defaults = yield* decode(provider.settings, {}).pipe(
        Effect.mapError(
          ({ message }) =>
            new CheckFailed({
              expected: "The settings decode {}, with every default filled in.",
              happened: `They don't: ${message}.`,
              advice:
                "Give each setting Schema.withDecodingDefaultKey(Effect.succeed(…)), or make it Schema.optionalKey."
            })
        )
      )
      yield* roundTrip("settings", provider.settings, yield* Schema.encodeUnknownEffect(provider.settings)(defaults))
    })
  ),
  makeCheck(
    "its connect form explains each field, with an example that fits",
    Effect.gen(function* () {
      const { provider } = yield* open()
      for (const [name, { title, description, examples = [] }] of yield* describe(provider.credentials)) {
        yield* expect(Boolean(title) && Boolean(description) && examples.length > 0, {
          expected: "Each field of the connect form has a title, a description and an example.",
          happened: `${name} lacks one of them.`,
          advice: "Make the field with text({ title, description, example }) or secret(…)."
        })
        for (const example of examples) {
          const found = yield* faultsOf(provider.credentials, { [name]: example }, name)
          yield* expect(found.length === 0, {
            expected: `The example of ${name} fits the field.`,
            happened: `It is refused: ${found.join("; ")}.`,
            advice: "Correct the example, or the pattern of the field."
          })
        }
      }
      yield* describe(provider.settings)
    })
  ),
  makeCheck(
    "its connect form refuses what doesn't fit, and names the field",
    Effect.gen(function* () {
      const { provider, emulator } = yield* open()
      for (const [name, { isRequired }] of yield* describe(provider.credentials)) {
        const { [name]: value = "", ...others } = emulator.credentials
        const wrong: ReadonlyArray<readonly [string, unknown]> = [
          ...(isRequired ? [["is missing", others] as const] : []),
          ["is a number", { ...others, [name]: 42 }],
          ["is empty", { ...others, [name]: "" }],
          ["has a line break", { ...others, [name]: `${value}\r\nx-injected: 1` }]
        ]
        for (const [what, form] of wrong) {
          const found = yield* faultsOf(provider.credentials, form, name)
          yield* expect(found.length > 0, {
            expected: "The connect form refuses a value that doesn't fit, and names its field.",
            happened: `Credentials whose ${name} ${what} are taken, or refused without naming ${name}.`,
            advice: "Make the field with text(…) or secret(…), and put no check on the struct as a whole."
          })
        }
      }
    })
  )
]

const decode = (form: FormSchema<unknown>, value: unknown) => Schema.decodeUnknownEffect(form)(value)

const roundTrip = Effect.fnUntraced(function* (what: string, form: FormSchema<unknown>, json: unknown) {
  const failure = (happened: string) =>
    new CheckFailed({
      expected: `What the plugin's schema makes of the ${what} becomes the same JSON again.`,
      happened,
      advice: "Correct the emulator's values, or use schemas that encode what they decode."
    })
  const decoded = yield* decode(form, json).pipe(Effect.mapError(({ message }) => failure(`${message}.`)))
  const encoded = yield* Schema.encodeUnknownEffect(form)(decoded).pipe(
    Effect.mapError(({ message }) => failure(`${message}.`))
  )
  if (!Equal.equals(encoded, json)) return yield* failure(`The ${what} came back with other values.`)
})

const FormDocument = Schema.Struct({
  required: Schema.optionalKey(Schema.Array(Schema.String)),
  properties: Schema.Record(
    Schema.String,
    Schema.Struct({
      title: Schema.optionalKey(Schema.String),
      description: Schema.optionalKey(Schema.String),
      examples: Schema.optionalKey(Schema.Array(Schema.Unknown))
    })
  )
})

/** The fields of a form as its JSON schema has them, which is what the dashboard and the API show. */
const describe = Effect.fnUntraced(function* (form: FormSchema<unknown>) {
  const document = yield* Effect.try({
    try: () => Schema.toJsonSchemaDocument(form).schema,
    catch: (cause) =>
      new CheckFailed({
        expected: "The schemas of credentials and settings have a JSON schema.",
        happened: `It can't be made: ${String(cause)}.`,
        advice: "Use schemas of texts, numbers, booleans, literals and lists, with named checks."
      })
  })
  const { required = [], properties } = yield* Schema.decodeUnknownEffect(FormDocument)({ properties: {}, ...document })
  return Object.entries(properties).map(
    ([name, field]) => [name, { ...field, isRequired: required.includes(name) }] as const
  )
})

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** What the form says about one of its fields. */
export const faultsOf = (form: FormSchema<unknown>, value: unknown, field: string) =>
  Schema.decodeUnknownEffect(form, { errors: "all" })(value).pipe(
    Effect.as<ReadonlyArray<string>>([]),
    Effect.catchTag("SchemaError", ({ issue }) =>
      Effect.succeed(format(issue).issues.flatMap(({ path = [], message }) => (path[0] === field ? [message] : [])))
    )
  )
