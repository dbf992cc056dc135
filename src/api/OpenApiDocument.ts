import { Schema } from "effect"
import { examples } from "./Examples.ts"
import { Problem, problemContentType } from "./Problem.ts"

// biome-ignore lint/suspicious/noExplicitAny: the type that the annotation of the API takes and gives
type Json = Record<string, any>

const methods = ["get", "post", "put", "patch", "delete"]

/** What the errors have in common; each operation lists its own beside it. */
const problemSchema = Schema.toJsonSchemaDocument(Problem).schema

const actingFor = {
  name: "Nexus-User",
  in: "header",
  required: false,
  schema: { type: "string", minLength: 1, maxLength: 255 },
  description: "The user to act for. Required with a token of scope `service`, and only taken with one."
}

const withExample = (content: Json | undefined, example: unknown) => {
  for (const media of Object.values(content ?? {})) media.example = example
}

/**
 * Completes the OpenAPI document with what is true of every operation: any of them may answer with a problem, those
 * with a token take `Nexus-User`, and the examples of the product documentation stand where they belong.
 */
export const documentProblems = (document: Json): Json => {
  document.components.schemas.Problem = problemSchema
  document.components.parameters = { NexusUser: actingFor }
  for (const operation of operationsOf(document)) {
    operation.responses.default = {
      description: "Anything else that went wrong",
      content: { [problemContentType]: { schema: { $ref: "#/components/schemas/Problem" } } }
    }
    if (operation.security.length > 0) operation.parameters.push({ $ref: "#/components/parameters/NexusUser" })
    const example = examples[operation.operationId]
    if (example?.request !== undefined) withExample(operation.requestBody?.content, example.request)
    if (example?.response !== undefined) withExample(operation.responses[example.status]?.content, example.response)
  }
  return document
}

const operationsOf = (document: Json): ReadonlyArray<Json> =>
  Object.values<Json>(document.paths).flatMap((path) =>
    methods.filter((method) => path[method] !== undefined).map((method) => path[method])
  )
