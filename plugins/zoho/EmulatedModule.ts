/** The records of one module of an emulated Zoho CRM, and the rules that they have to keep. */

export interface Row {
  readonly id: string
  readonly fields: Record<string, unknown>
}

interface Column {
  readonly api_name: string
  readonly data_type: string
  readonly length: number
  readonly system_mandatory?: boolean
  readonly read_only?: boolean
}

const column = (api_name: string, data_type: string, length: number, more: Partial<Column> = {}): Column => ({
  api_name,
  data_type,
  length,
  ...more
})

export const columns = {
  Contacts: [
    column("First_Name", "text", 40),
    column("Last_Name", "text", 80, { system_mandatory: true }),
    column("Full_Name", "text", 80, { read_only: true }),
    column("Email", "email", 100),
    column("Phone", "phone", 30),
    column("Title", "text", 100),
    column("Account_Name", "lookup", 120),
    column("Email_Opt_Out", "boolean", 5),
    column("Vendor_Name", "lookup", 120),
    column("Record_Image", "profileimage", 255),
    column("Modified_Time", "datetime", 120, { read_only: true })
  ],
  Accounts: [column("Account_Name", "text", 200, { system_mandatory: true })]
} as const satisfies Record<string, ReadonlyArray<Column>>

type ModuleName = keyof typeof columns

export interface Item {
  readonly code: string
  readonly details: Readonly<Record<string, unknown>>
  readonly message: string
  readonly status: "success" | "error"
  readonly action?: "insert" | "update"
  readonly duplicate_field?: string | null
}

export const fault = (code: string, message: string, details: Readonly<Record<string, unknown>> = {}): Item => ({
  code,
  details,
  message,
  status: "error"
})

const address = /^[^\s@]+@[^\s@]+\.[^\s@]+$/
const times = { Created_Time: "2026-01-01T00:00:00+00:00", Modified_Time: "2026-01-01T00:00:00+00:00" }

/**
 * A module without records.
 *
 * @param nextId makes ids that are unique in the account
 * @param isAccount tells whether an account has an id
 */
export const emulatedModule = (module: ModuleName, nextId: () => string, isAccount: (id: unknown) => boolean) => {
  const known: ReadonlyArray<Column> = columns[module]
  let rows: Array<Row> = []

  const faultOf = (fields: Readonly<Record<string, unknown>>, at: string): Item | undefined => {
    for (const [api_name, value] of Object.entries(fields)) {
      const found = known.find((each) => each.api_name === api_name)
      const details = { api_name, json_path: `${at}.${api_name}` }
      const invalid = (more: object) => fault("INVALID_DATA", "invalid data", { ...more, ...details })
      if (found === undefined || found.read_only === true) return invalid({})
      if (found.data_type === "boolean") {
        if (typeof value !== "boolean") return invalid({ expected_data_type: "boolean" })
      } else if (found.data_type === "lookup") {
        if (typeof value !== "object" || value === null || !("id" in value)) {
          return invalid({ expected_data_type: "jsonobject" })
        }
        if (!isAccount(value.id)) return fault("INVALID_DATA", "the id given seems to be invalid", details)
      } else if (typeof value !== "string") return invalid({ expected_data_type: found.data_type })
      else if (value.length > found.length) return invalid({ maximum_length: found.length })
      else if (found.data_type === "email" && !address.test(value)) return invalid({ expected_data_type: "email" })
    }
    return undefined
  }

  const insert = (fields: Readonly<Record<string, unknown>>): Row => {
    const row = { id: nextId(), fields: { ...fields } }
    rows.push(row)
    return row
  }

  return {
    all: () => rows,
    insert,
    /** Upserts one record by a field, `at` its place in the request: `$.data[0]`. */
    upsert: (fields: Readonly<Record<string, unknown>>, key: string, at: string): Item => {
      const found = faultOf(fields, at)
      if (found !== undefined) return found
      const wanted = String(fields[key] ?? "").toLowerCase()
      const existing = rows.find((row) => wanted !== "" && String(row.fields[key]).toLowerCase() === wanted)
      if (existing !== undefined) {
        Object.assign(existing.fields, fields)
        const details = { ...times, id: existing.id }
        return {
          code: "SUCCESS",
          duplicate_field: key,
          action: "update",
          details,
          message: "record updated",
          status: "success"
        }
      }
      const missing = known.find(({ api_name, system_mandatory }) => system_mandatory === true && !fields[api_name])
      if (missing !== undefined) {
        const { api_name } = missing
        return fault("MANDATORY_NOT_FOUND", "required field not found", { api_name, json_path: `${at}.${api_name}` })
      }
      const details = { ...times, id: insert(fields).id }
      return {
        code: "SUCCESS",
        duplicate_field: null,
        action: "insert",
        details,
        message: "record added",
        status: "success"
      }
    },
    remove: (id: string): Item => {
      const before = rows.length
      rows = rows.filter((row) => row.id !== id)
      return rows.length < before
        ? { code: "SUCCESS", details: { id }, message: "record deleted", status: "success" }
        : fault("INVALID_DATA", "record not deleted", { id })
    }
  }
}
