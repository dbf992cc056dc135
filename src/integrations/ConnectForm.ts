/** What a plugin's schemas of credentials and settings mean for people: what is wrong, what is shown, what is asked for. */
import { Array as Arr, Effect, Redacted, Schema } from "effect"
import { fieldProblems, notAField } from "../domain/FieldProblems.ts"
import { ExportSettings, type Settings, SyncSettings } from "../domain/Integration.ts"
import { InvalidIntegration } from "../domain/IntegrationErrors.ts"
import { masked } from "../domain/Masked.ts"
import { isSecret } from "../plugin/CredentialField.ts"
import type { FormSchema, Provider } from "../plugin/Provider.ts"

/** What is wrong with one field of what was posted. */
export interface FieldFault {
  readonly path: string
  readonly message: string
}

/** What is wrong with the fields of a form; the messages never repeat a value, which may be a secret. */
const faults = (
  schema: FormSchema<unknown>,
  value: Settings,
  prefix: string
): Effect.Effect<ReadonlyArray<FieldFault>> => {
  // An empty struct takes anything, whatever is said about excess.
  if (Object.keys(schema.fields).length === 0) {
    return Effect.succeed(Object.keys(value).map((name) => ({ path: `${prefix}.${name}`, message: notAField })))
  }
  return Schema.decodeUnknownEffect(schema, { errors: "all", onExcessProperty: "error" })(value).pipe(
    Effect.as([]),
    Effect.catchTag("SchemaError", ({ issue }) =>
      Effect.succeed(fieldProblems(issue).map(({ path, message }) => ({ path: [prefix, ...path].join("."), message })))
    )
  )
}

/** Fails with everything that is wrong with credentials and settings, field by field. */
export const validate = Effect.fnUntraced(function* (
  provider: Provider,
  { credentials, settings }: { readonly credentials?: Settings; readonly settings?: Settings }
) {
  const { own, sync } = split(settings ?? {})
  const found = [
    ...(credentials === undefined ? [] : yield* faults(provider.credentials, credentials, "credentials")),
    ...(settings === undefined ? [] : yield* faults(provider.settings, own, "settings")),
    ...(settings === undefined ? [] : yield* faults(EngineSettings, sync, "settings")),
    ...unusable(provider, settings ?? {})
  ]
  yield* refuse(found)
})

/** Fails when anything is wrong. */
export const refuse = (errors: ReadonlyArray<FieldFault>): Effect.Effect<void, InvalidIntegration> =>
  Arr.isReadonlyArrayNonEmpty(errors) ? Effect.fail(new InvalidIntegration({ errors })) : Effect.void

/** What the service itself looks at. */
const EngineSettings = Schema.Struct({ ...SyncSettings.fields, ...ExportSettings.fields })

/** Settings that only some providers have a use for. */
const unusable = (provider: Provider, settings: Settings): ReadonlyArray<FieldFault> => {
  const useless = (fields: object, message: string) =>
    Object.keys(fields)
      .filter((name) => name in settings)
      .map((name) => ({ path: `settings.${name}`, message }))
  const files = provider.hasFiles ? [] : useless(ExportSettings.fields, `${provider.name} takes no files`)
  if (provider.contacts === undefined) {
    const instead = provider.hasFiles ? " one by one; exportEvery brings them as a file" : ""
    return [...files, ...useless(SyncSettings.fields, `${provider.name} takes no contacts${instead}`)]
  }
  if (files.length > 0) return files
  return settings.removeDeleted === true && !provider.canRemove
    ? [{ path: "settings.removeDeleted", message: `Contacts can't be removed from ${provider.name}` }]
    : []
}

/** Settings of syncs and exports, and those of the provider's own. */
export const split = (settings: Settings): { readonly sync: Settings; readonly own: Settings } => {
  const entries = Object.entries(settings)
  const isSync = ([name]: readonly [string, unknown]) => name in EngineSettings.fields
  return {
    sync: Object.fromEntries(entries.filter(isSync)),
    own: Object.fromEntries(entries.filter((entry) => !isSync(entry)))
  }
}

/** Credentials as they may be shown: secrets are masked, and so is what is not in the form. */
export const mask = (provider: Provider, credentials: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(credentials).map(([name, value]) => {
      const field = provider.credentials.fields[name]
      return [name, field === undefined || isSecret(field) ? masked(String(value)) : value]
    })
  )

/** A URL that is a secret: where it goes may be seen. */
export const maskedUrl = (url: Redacted.Redacted<string>): string => {
  const { origin, pathname } = new URL(Redacted.value(url))
  return `${origin}/${masked(pathname.replaceAll("/", ""))}`
}

/** The JSON schema of a form, secrets marked as what a browser calls a password. */
export const formSchema = (form: FormSchema<unknown>): Readonly<Record<string, unknown>> => {
  const { required = [] } = Schema.toJsonSchemaDocument(form).schema
  const properties = Object.fromEntries(
    Object.entries(form.fields).map(([name, field]) => {
      const own: object = Schema.toJsonSchemaDocument(field).schema
      return [name, isSecret(field) ? { ...own, format: "password", writeOnly: true } : own]
    })
  )
  return { type: "object", properties, required, additionalProperties: false }
}
