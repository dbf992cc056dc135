import { Effect, Layer, type SchemaIssue, type Types } from "effect"
import { HttpServerRequest } from "effect/http"
import { HttpApiError } from "effect/http-api"
import type { FieldProblem } from "../api/Problem.ts"
import { InvalidRequest, UnsupportedBody } from "../api/RequestErrors.ts"
import { Validation } from "../api/RequestRules.ts"
import { fieldProblems } from "../domain/FieldProblems.ts"

/** The problems of a part of a request, each with its path; `whole` names the part. */
const problemsOf = (issue: SchemaIssue.Issue, whole: string): ReadonlyArray<FieldProblem> =>
  fieldProblems(issue).map(({ path, message }) => ({ path: path.join(".") || whole, message }))

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
        return Effect.fail(new InvalidRequest({ errors: problemsOf(error.cause.issue, parts[error.kind]) }))
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
