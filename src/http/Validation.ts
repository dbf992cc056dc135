import { Effect, Layer, SchemaIssue, type Types } from "effect"
import { HttpServerRequest } from "effect/http"
import { HttpApiError } from "effect/http-api"
import type { FieldProblem } from "../api/Problem.ts"
import { InvalidRequest, UnsupportedBody } from "../api/RequestErrors.ts"
import { Validation } from "../api/RequestRules.ts"

/** Texts for what is wrong with one value. As long as issues carry no input, they don't repeat it: it may be a secret. */
const leafHook: SchemaIssue.LeafHook = (issue) => {
  if (issue._tag === "MissingKey") return "This field is required"
  if (issue._tag === "UnexpectedKey") return "This is not a field that can be set here"
  return SchemaIssue.defaultLeafHook(issue)
}

const format = SchemaIssue.makeFormatterStandardSchemaV1({ leafHook })

/** Every field that an issue is about, with what is wrong there. */
const fieldProblems = (issue: SchemaIssue.Issue, whole: string): ReadonlyArray<FieldProblem> =>
  format(issue).issues.map(({ path = [], message }) => ({
    path: path.map((step) => String(typeof step === "object" ? step.key : step)).join(".") || whole,
    message
  }))

/** What to call the part of the request that is wrong as a whole. */
const parts = { Params: "path", Query: "query", Headers: "headers", Payload: "body" }

/** Turns what can't be decoded into a problem that names every field. */
export const ValidationLayer = Layer.succeed(
  Validation,
  Validation.of((httpEffect) =>
    httpEffect.pipe(
      Effect.catch((error): Effect.Effect<never, Types.unhandled | InvalidRequest> => {
        if (!HttpApiError.HttpApiSchemaError.is(error)) return Effect.fail(error)
        // An answer of ours that doesn't fit its schema is our fault.
        if (error.kind === "Body" || error.kind === "ResponseHeaders") return Effect.die(error.cause)
        return Effect.fail(new InvalidRequest({ errors: fieldProblems(error.cause.issue, parts[error.kind]) }))
      }),
      // Effect answers so itself where the endpoint takes no such content.
      Effect.filterOrElse(
        (response) => response.status !== 415,
        () => notJson
      )
    )
  )
)

const notJson = Effect.flatMap(
  HttpServerRequest.HttpServerRequest,
  ({ headers }) => new UnsupportedBody({ contentType: (headers["content-type"] ?? "of no type").slice(0, 100) })
)
