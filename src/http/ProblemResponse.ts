import { Effect, Schema } from "effect"
import { HttpServerResponse } from "effect/http"
import { type Problem, problemContentType } from "../api/Problem.ts"

/** Answers with a problem outside of the API's own endpoints, which encode theirs themselves. */
export const problemResponse = Effect.fnUntraced(function* <A, E extends Problem>(
  schema: Schema.Codec<A, E>,
  failure: A,
  headers: Record<string, string> = {}
) {
  const problem = yield* Effect.orDie(Schema.encodeEffect(schema)(failure))
  return HttpServerResponse.text(JSON.stringify(problem), {
    status: problem.status,
    contentType: problemContentType,
    headers
  })
})
