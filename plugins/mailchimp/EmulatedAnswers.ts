/** Answers of the emulator: Mailchimp's problem documents, and how it shows a member. */
import { type EmulatedAnswer, json } from "nexus-integrations/plugin/testing"
import type { EmulatedMember } from "./EmulatedAudience.ts"

/** `application/problem+json`, as the errors page of Mailchimp has it. */
export const problem = (
  status: number,
  title: string,
  detail: string,
  errors?: ReadonlyArray<{ readonly field: string; readonly message: string }>
): EmulatedAnswer =>
  json(
    status,
    {
      type: "https://mailchimp.com/developer/marketing/docs/errors/",
      title,
      status,
      detail,
      instance: "8f1d2c3b-0000-4000-8000-000000000000",
      ...(errors === undefined ? {} : { errors })
    },
    { "content-type": "application/problem+json; charset=utf-8" }
  )

export const unauthorized = problem(
  401,
  "API Key Invalid",
  "Your API key may be invalid, or you've attempted to access the wrong datacenter."
)
export const notFound = problem(404, "Resource Not Found", "The requested resource could not be found.")
export const tooMany = problem(
  429,
  "TooManyRequests",
  "You have exceeded the limit of 10 simultaneous connections. When your current requests finish, you may make more."
)
export const invalid = (field: string, message: string) =>
  problem(
    400,
    "Invalid Resource",
    "The resource submitted could not be validated. For field-specific details, see the 'errors' array.",
    [{ field, message }]
  )
export const unreadable = problem(
  400,
  "JSON Parse Exception",
  "We encountered an unspecified JSON parsing error. This means your JSON formatting is invalid."
)
export const notRemovable = problem(
  405,
  "Method Not Allowed",
  "This list member cannot be removed. Can not archive a contact that is bounced, pending or archived"
)

export const shown = ({ tags, ...member }: EmulatedMember) => ({
  ...member,
  unique_email_id: member.id.slice(0, 10),
  email_type: "html",
  tags_count: tags.length,
  tags,
  last_changed: "2026-01-01T00:00:00+00:00",
  list_id: "a1b2c3d4e5",
  _links: []
})
