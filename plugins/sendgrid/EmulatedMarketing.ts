/** The marketing part of the emulator's account: contacts, custom fields, and the jobs that write contacts. */

/** A contact as it is written. */
export interface Sent {
  readonly email?: string
  readonly custom_fields?: Readonly<Record<string, unknown>>
  readonly [field: string]: unknown
}

export interface EmulatedRecord {
  readonly id: string
  readonly email: string
  own: Record<string, unknown>
  /** By the field's id. */
  custom: Record<string, unknown>
  lists: Set<string>
  readonly createdAt: number
  updatedAt: number
}

export interface EmulatedJob {
  readonly id: string
  readonly lists: ReadonlyArray<string>
  readonly sent: ReadonlyArray<Sent>
  readonly startedAt: number
  /** How many polls it stays pending. */
  left: number
  finishedAt: number | undefined
  created: number
  updated: number
  errored: number
}

const maxLengths: Readonly<Record<string, number>> = {
  email: 254,
  first_name: 50,
  last_name: 50,
  address_line_1: 100,
  address_line_2: 100,
  city: 60,
  state_province_region: 50,
  postal_code: 50,
  country: 50
}
const address = /^[^\s@]+@[^\s@]+\.[^\s@]+$/

export class EmulatedMarketing {
  readonly contacts = new Map<string, EmulatedRecord>()
  readonly fields: Array<{ readonly id: string; readonly name: string; readonly field_type: string }> = []
  readonly jobs = new Map<string, EmulatedJob>()
  /** Contacts that the plan has room for. */
  room = Number.POSITIVE_INFINITY
  #ids = 0

  /** The fault for which SendGrid refuses a whole call, as its message and the field. */
  fault(sent: ReadonlyArray<Sent>): readonly [message: string, field: string] | undefined {
    for (const [index, { custom_fields = {}, ...own }] of sent.entries()) {
      const at = (field: string) => `contacts[${index}].${field}`
      if (typeof own.email !== "string" || !address.test(own.email)) return ["email is invalid", at("email")]
      for (const [name, value] of Object.entries(own)) {
        const most = maxLengths[name]
        if (most === undefined || typeof value !== "string") return ["invalid field", at(name)]
        if (value.length > most) return [`length should be less than ${most} characters`, at(name)]
      }
      for (const [id, value] of Object.entries(custom_fields)) {
        const field = this.fields.find((field) => field.id === id)
        if (field === undefined) return ["invalid custom field id", at(`custom_fields.${id}`)]
        if (field.field_type === "Number" ? typeof value !== "number" : typeof value !== "string") {
          return ["invalid custom field type", at(`custom_fields.${id}`)]
        }
        if (String(value).length > 1000)
          return ["length should be less than 1000 characters", at(`custom_fields.${id}`)]
      }
    }
    return undefined
  }

  addField(name: string, field_type: string) {
    if (this.fields.some((field) => field.name.toLowerCase() === name.toLowerCase())) return undefined
    const field = { id: `e${this.fields.length + 1}_${field_type.slice(0, 1)}`, name, field_type }
    this.fields.push(field)
    return field
  }

  addJob(lists: ReadonlyArray<string>, sent: ReadonlyArray<Sent>, now: number, polls: number): EmulatedJob {
    const id = this.#nextId()
    const counts = { finishedAt: undefined, created: 0, updated: 0, errored: 0 }
    const job: EmulatedJob = { id, lists, sent, startedAt: now, left: polls, ...counts }
    this.jobs.set(id, job)
    return job
  }

  /** Does what the job is for. Addresses that end with `.invalid` are errors of their rows. */
  finish(job: EmulatedJob, now: number): void {
    if (job.finishedAt !== undefined) return
    job.finishedAt = now
    for (const one of job.sent) {
      const isNew = !this.contacts.has(String(one.email).toLowerCase())
      if (String(one.email).endsWith(".invalid") || (isNew && this.contacts.size >= this.room)) job.errored++
      else {
        this.store(one, job.lists, now)
        if (isNew) job.created++
        else job.updated++
      }
    }
  }

  /** Fields that are left out stay as they are. */
  store({ email = "", custom_fields = {}, ...own }: Sent, lists: ReadonlyArray<string>, now: number): EmulatedRecord {
    const key = email.toLowerCase()
    const record = this.contacts.get(key) ?? {
      id: this.#nextId(),
      email: key,
      own: {},
      custom: {},
      lists: new Set<string>(),
      createdAt: now,
      updatedAt: now
    }
    record.own = { ...record.own, ...own }
    record.custom = { ...record.custom, ...custom_fields }
    record.lists = new Set([...record.lists, ...lists])
    record.updatedAt = now
    this.contacts.set(key, record)
    return record
  }

  /** Stores a contact with its fields by name; those that are not SendGrid's own become custom ones. */
  add(email: string, fields: Readonly<Record<string, unknown>>, lists: ReadonlyArray<string>, now: number): void {
    const named = Object.entries(fields).filter(([name]) => name !== "email")
    const custom = named.flatMap(([name, value]) => {
      if (maxLengths[name] !== undefined) return []
      const field = this.addField(name, "Text") ?? this.fields.find((field) => field.name === name)
      return field === undefined ? [] : [[field.id, value] as const]
    })
    const own = Object.fromEntries(named.filter(([name]) => maxLengths[name] !== undefined))
    this.store({ ...own, email, custom_fields: Object.fromEntries(custom) }, lists, now)
  }

  customByName({ custom }: EmulatedRecord): Readonly<Record<string, unknown>> {
    return Object.fromEntries(
      Object.entries(custom).map(([id, value]) => [this.fields.find((field) => field.id === id)?.name ?? id, value])
    )
  }

  #nextId(): string {
    return `00000000-0000-4000-8000-${String(++this.#ids).padStart(12, "0")}`
  }
}
