/** The imports of an emulated account: queued, worked on in their order, and remembered. */
import { type EmulatedAnswer, json } from "nexus-integrations/plugin/testing"
import type { EmulatedAccount } from "./EmulatedAccount.ts"

export interface ImportOptions {
  /** How often an import is asked about before it is over; none by default. */
  readonly looks?: number
  /** The number of an import's first contact, as refusals have it; 1 by default. */
  readonly first?: 0 | 1
  /** Whether imports put contacts into the companies that they name; they do by default. */
  readonly linksCompanies?: boolean
  /** How imports end: `completed` by default. One that is interrupted has done its first contact. */
  readonly end?: "completed" | "interrupted"
}

type Row = Readonly<Record<string, unknown>>

interface Import {
  readonly rows: ReadonlyArray<Row>
  looks: number
  isOver: boolean
  readonly success: Array<string>
  readonly failure: Array<string>
}

const known = new Set(["email", "first_name", "last_name", "phone", "customer_acct_name", "tags", "fields"])
const texts = ["first_name", "last_name", "phone", "customer_acct_name"]

/** What is wrong with a contact's form. Whether its address is any good shows later. */
const wrong = (row: Row): string | undefined => {
  if (typeof row.email !== "string") return "Field 'email' not found"
  if (!/^[^\s@]+@[^\s@]+$/.test(row.email)) return "Field 'email' incorrect format"
  const unknown = Object.keys(row).find((name) => !known.has(name))
  if (unknown !== undefined) return `Field '${unknown}' is not known`
  const text = texts.find((name) => row[name] !== undefined && typeof row[name] !== "string")
  return text === undefined ? undefined : `Field '${text}' incorrect format`
}

const isImportable = (email: string) => /^[^']+@[^']+\.[^']+$/.test(email) && !email.endsWith("@excluded.example")

export class EmulatedImports {
  private readonly account: EmulatedAccount
  private readonly options: ImportOptions
  private readonly imports = new Map<string, Import>()
  private requested: Array<number> = []

  constructor(account: EmulatedAccount, options: ImportOptions) {
    this.account = account
    this.options = options
  }

  /** Takes all of the contacts, or none. */
  queue(body: string, now: number): EmulatedAnswer {
    this.requested = [...this.requested.filter((time) => time > now - 60_000), now]
    if (this.requested.length > 100) {
      const reason =
        "Up to 100 imports may be requested per minute.Please batch contacts into larger requests, or retry"
      return json(400, { success: 0, message: "Rate limit exceeded.", failureReasons: [reason] })
    }
    const { contacts } = JSON.parse(body)
    if (!Array.isArray(contacts) || contacts.length === 0 || contacts.length > 250 || body.length >= 400_000) {
      return json(400, { success: 0, message: "Send up to 250 contacts and 400 KB", failureReasons: ["Too large"] })
    }
    const failureReasons = contacts.flatMap((row: Row, place) => {
      const failureReason = wrong(row)
      return failureReason === undefined ? [] : [{ contact: place + (this.options.first ?? 1), failureReason }]
    })
    if (failureReasons.length > 0) {
      const message = "JSON payload did not pass validation. Please fix failure Reasons and retry."
      return json(400, { success: 0, message, failureReasons })
    }
    const batchId = `0641fbdd-f62f-4c2c-ba02-${String(this.imports.size + 1).padStart(12, "0")}`
    this.imports.set(batchId, { rows: contacts, looks: 0, isOver: false, success: [], failure: [] })
    return json(200, { Success: 1, queued_contacts: contacts.length, batchId, message: "Contact import queued" })
  }

  info(batchId: string | null): EmulatedAnswer {
    const job = this.imports.get(batchId ?? "")
    if (job === undefined) return json(400, { success: 0, message: "'batchId' is a required field." })
    job.looks += 1
    const { looks = 0, end = "completed" } = this.options
    if (!job.isOver && job.looks <= looks) {
      // In the first second it has no status yet.
      return json(200, { status: job.looks === 1 ? false : "active", success: [], failure: [] })
    }
    this.finish()
    return json(200, { status: end, success: job.success, failure: job.failure })
  }

  /** Works on all that is queued, in the order it came. */
  finish(): void {
    const { end, linksCompanies } = this.options
    for (const job of this.imports.values()) {
      if (job.isOver) continue
      job.isOver = true
      for (const row of end === "interrupted" ? job.rows.slice(0, 1) : job.rows) {
        const email = String(row.email)
        if (isImportable(email)) job.success.push(this.account.put(row, linksCompanies))
        else job.failure.push(email)
      }
    }
  }
}
