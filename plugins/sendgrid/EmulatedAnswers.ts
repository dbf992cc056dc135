/** Answers of the emulator: SendGrid's errors, and how it shows a job and a contact. */
import { DateTime } from "effect"
import { type EmulatedAnswer, json } from "nexus-integrations/plugin/testing"
import type { EmulatedJob, EmulatedMarketing, EmulatedRecord } from "./EmulatedMarketing.ts"

export const error = (status: number, message: string, field: string | null = null): EmulatedAnswer =>
  json(status, { errors: [{ field, message }] })

export const unauthorized = error(401, "authorization required")
export const forbidden = error(403, "access forbidden")
export const notFound = error(404, "resource not found")
export const tooMany = json(
  429,
  { errors: [{ field: null, message: "too many requests" }] },
  { "x-ratelimit-limit": "600", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "0" }
)

const iso = (millis: number) => DateTime.formatIso(DateTime.makeUnsafe(millis))

export const shownJob = (job: EmulatedJob, isFull: boolean) => {
  const { id, sent, startedAt, finishedAt, created, updated, errored } = job
  const isOver = finishedAt !== undefined
  return {
    id,
    status: !isOver ? "pending" : errored === 0 ? "completed" : errored === sent.length ? "failed" : "errored",
    job_type: "upsert_contacts",
    results: {
      requested_count: sent.length,
      created_count: created,
      updated_count: updated,
      errored_count: errored,
      ...(errored > 0 ? { errors_url: "https://errors.example/file.csv" } : {})
    },
    ...(isFull && errored > 0 ? { errors: [{ message: "you have hit your contact limit" }] } : {}),
    started_at: iso(startedAt),
    ...(isOver ? { finished_at: iso(finishedAt) } : {}),
    _metadata: {}
  }
}

export const shownContact = (marketing: EmulatedMarketing, record: EmulatedRecord) => ({
  id: record.id,
  email: record.email,
  first_name: "",
  last_name: "",
  phone_number: "",
  alternate_emails: [],
  ...record.own,
  list_ids: Array.from(record.lists),
  segment_ids: [],
  custom_fields: marketing.customByName(record),
  created_at: iso(record.createdAt),
  updated_at: iso(record.updatedAt),
  _metadata: {}
})
