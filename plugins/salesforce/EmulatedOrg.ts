/** The records of an emulated org: its objects with their fields, and the rules that records have to keep. */

const objects = ["Contact", "Lead", "Account"] as const
export type ObjectName = (typeof objects)[number]

/** A record. It stays when it is deleted, as in a recycle bin. */
export interface Row {
  readonly id: string
  readonly fields: Record<string, unknown>
  deleted: boolean
}

/** Why a record is not saved. */
export interface Fault {
  readonly statusCode: string
  readonly message: string
  readonly fields: ReadonlyArray<string>
}

interface Column {
  readonly name: string
  readonly type: string
  readonly length: number
  readonly required?: boolean
  readonly readOnly?: boolean
  readonly externalId?: boolean
}

const column = (name: string, type: string, length: number, more: Partial<Column> = {}): Column => ({
  name,
  type,
  length,
  ...more
})

const person: ReadonlyArray<Column> = [
  column("Id", "id", 18, { readOnly: true }),
  column("IsDeleted", "boolean", 0, { readOnly: true }),
  column("LastName", "string", 80, { required: true }),
  column("FirstName", "string", 40),
  column("Name", "string", 121, { readOnly: true }),
  column("Phone", "phone", 40),
  column("Email", "email", 80),
  column("Title", "string", 128),
  column("Newsletter__c", "boolean", 0),
  column("Nexus_Email__c", "email", 80, { externalId: true }),
  column("SystemModstamp", "datetime", 0, { readOnly: true })
]

/** The fields of each object, with the lengths that Salesforce gives them. */
export const columns: Readonly<Record<ObjectName, ReadonlyArray<Column>>> = {
  Contact: [...person, column("AccountId", "reference", 18)],
  Lead: [
    ...person,
    column("Company", "string", 255, { required: true }),
    column("IsConverted", "boolean", 0, { readOnly: true })
  ],
  Account: [column("Id", "id", 18, { readOnly: true }), column("Name", "string", 255, { required: true })]
}

const prefixes: Readonly<Record<ObjectName, string>> = { Contact: "003", Lead: "00Q", Account: "001" }

const address = /^[^\s@]+@[^\s@]+\.[^\s@]+$/

const fault = (statusCode: string, message: string, fields: ReadonlyArray<string> = []): Fault => ({
  statusCode,
  message,
  fields
})

const isEmpty = (value: unknown) => value === undefined || value === null || value === ""

/** A new org without records. */
export const emulatedOrg = () => {
  const rows: Record<ObjectName, Array<Row>> = { Contact: [], Lead: [], Account: [] }
  let next = 1

  const live = (object: ObjectName) => rows[object].filter(({ deleted }) => !deleted)
  const byId = (id: string) => Object.values(rows).flatMap((all) => all.filter((row) => row.id === id))[0]

  /** What is wrong with the fields of one record, if anything is. */
  const faultOf = (object: ObjectName, fields: Record<string, unknown>, existing: Row | undefined) => {
    for (const [name, value] of Object.entries(fields)) {
      const known = columns[object].find((each) => each.name === name)
      if (known === undefined) return fault("INVALID_FIELD", `No such column '${name}' on sobject of type ${object}`)
      if (known.readOnly === true) {
        return fault("INVALID_FIELD_FOR_INSERT_UPDATE", `Unable to create/update fields: ${name}.`, [name])
      }
      if (known.type === "boolean" && typeof value !== "boolean") {
        return fault("JSON_PARSER_ERROR", `Cannot deserialize instance of boolean from VALUE_STRING value ${value}`)
      }
      const text = String(value ?? "")
      if (known.length > 0 && text.length > known.length) {
        const message = `${name}: data value too large: ${text} (max length=${known.length})`
        return fault("STRING_TOO_LONG", message, [name])
      }
      if (known.type === "email" && text !== "" && !address.test(text)) {
        return fault("INVALID_EMAIL_ADDRESS", `${name}: invalid email address: ${text}`, [name])
      }
      if (known.type === "reference" && !live("Account").some(({ id }) => id === value)) {
        return fault("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])
      }
      const owner = live(object).find((row) => known.externalId === true && row.fields[name] === value)
      if (owner !== undefined && owner !== existing) {
        const message = `duplicate value found: ${name} duplicates value on record with id: ${owner.id}`
        return fault("DUPLICATE_VALUE", message, [])
      }
    }
    const missing = columns[object]
      .filter(({ name, required }) => required === true && isEmpty({ ...existing?.fields, ...fields }[name]))
      .map(({ name }) => name)
    if (missing.length === 0) return undefined
    return fault("REQUIRED_FIELD_MISSING", `Required fields are missing: [${missing.join(", ")}]`, missing)
  }

  const insert = (object: ObjectName, fields: Record<string, unknown>): Row => {
    // 15 characters that count, and three for those who ignore case.
    const row = {
      id: `${prefixes[object]}5e${String(next++).padStart(10, "0")}AAA`,
      fields: { ...fields },
      deleted: false
    }
    rows[object].push(row)
    return row
  }

  return {
    live,
    byId,
    objectOf: (row: Row) => objects.find((object) => rows[object].includes(row)),
    insert,
    /** Creates a record, or changes one that is there. The duplicate rule alerts at a second record with an email. */
    save: (
      object: ObjectName,
      fields: Record<string, unknown>,
      existing: Row | undefined,
      allowDuplicates: boolean
    ): Row | Fault => {
      const found = faultOf(object, fields, existing)
      if (found !== undefined) return found
      const { Email } = fields
      const isDuplicate = live(object).some((row) => row !== existing && !isEmpty(Email) && row.fields.Email === Email)
      if (isDuplicate && existing === undefined && !allowDuplicates) {
        return fault("DUPLICATES_DETECTED", "Use one of these records?")
      }
      if (existing === undefined) return insert(object, fields)
      Object.assign(existing.fields, fields)
      return existing
    }
  }
}

export type EmulatedOrg = ReturnType<typeof emulatedOrg>
