/** Holds data to JSON Schemas (draft 2020-12). */
import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js"
import { Result } from "effect"

/** One thing that does not fit: where (`payload.tags.0`), and what. */
export interface Misfit {
  readonly path: string
  readonly message: string
}

/** Checks a value, which stands at a path; empty when it fits. */
export type Check = (value: unknown, path: string) => ReadonlyArray<Misfit>

/** How many misfits are named at most. */
const mostMisfits = 20

/** Makes a check of a JSON Schema, or says what is wrong with the schema. References to other documents are refused. */
export const compileSchema = (schema: Readonly<Record<string, unknown>>): Result.Result<Check, string> =>
  Result.try({
    try: (): Check => {
      // An instance for each schema, because one keeps every schema that it has seen. Formats are notes for readers.
      const ajv = new Ajv2020({ allErrors: true, strict: false, validateFormats: false, logger: false })
      const validate = ajv.compile(schema)
      return (value, path) =>
        validate(value) ? [] : (validate.errors ?? []).slice(0, mostMisfits).map((error) => misfit(path, error))
    },
    catch: (error) => (error instanceof Error ? error.message : "it can't be used")
  })

const misfit = (path: string, { instancePath, keyword, params, message = "does not fit" }: ErrorObject): Misfit => {
  const at = `${path}${instancePath.split("/").slice(1).map(step).join("")}`
  if (keyword === "required") return { path: `${at}.${params.missingProperty}`, message: "This field is required" }
  if (keyword === "additionalProperties") {
    return { path: `${at}.${params.additionalProperty}`, message: "This is not a field that can be set here" }
  }
  return { path: at, message: message.charAt(0).toUpperCase() + message.slice(1) }
}

/** A step of a JSON Pointer (RFC 6901) as one of a path. */
const step = (token: string) => `.${token.replaceAll("~1", "/").replaceAll("~0", "~")}`
