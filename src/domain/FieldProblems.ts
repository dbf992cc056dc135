/** What is wrong with a value that has come from outside, field by field, for the people who sent it. */
import { SchemaIssue } from "effect"

export const notAField = "This is not a field that can be set here"

/** Texts for what is wrong with one value. As long as issues carry no input, they don't repeat it: it may be a secret. */
const leafHook: SchemaIssue.LeafHook = (issue) => {
  if (issue._tag === "MissingKey") return "This field is required"
  if (issue._tag === "UnexpectedKey") return notAField
  return SchemaIssue.defaultLeafHook(issue)
}

const format = SchemaIssue.makeFormatterStandardSchemaV1({ leafHook })

/** Every field that an issue is about, as the keys that lead to it, with what is wrong there. */
export const fieldProblems = (issue: SchemaIssue.Issue) =>
  format(issue).issues.map(({ path = [], message }) => ({
    path: path.map((step) => String(typeof step === "object" ? step.key : step)),
    message
  }))
