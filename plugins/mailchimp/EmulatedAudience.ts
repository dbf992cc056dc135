/** One audience of the emulator: its members and merge fields, and what Mailchimp does with them. */
import { digest } from "nexus-integrations/plugin"

/** A member as it is written: every part may be missing. */
export interface Written {
  readonly email_address?: string
  readonly status?: string
  readonly status_if_new?: string
  readonly merge_fields?: Readonly<Record<string, unknown>>
}

/** A member as it is kept; archived ones stay. */
export interface EmulatedMember {
  readonly id: string
  readonly email_address: string
  status: string
  merge_fields: Record<string, unknown>
  tags: Array<{ readonly id: number; readonly name: string }>
}

interface EmulatedMergeField {
  readonly merge_id: number
  readonly tag: string
  readonly name: string
  readonly type: string
  readonly required: boolean
}

/** What is wrong with one member. */
export interface Refusal {
  readonly title: string
  readonly detail: string
}

const address = /^[^\s@]+@[^\s@]+\.[^\s@]+$/
const statuses = ["subscribed", "unsubscribed", "cleaned", "pending", "transactional"]
const left = ["unsubscribed", "cleaned"]

export class EmulatedAudience {
  readonly members = new Map<string, EmulatedMember>()
  readonly fields: Array<EmulatedMergeField> = []
  /** Permanently deleted addresses, which only their owners can bring back. */
  readonly forgotten = new Set<string>()
  doubleOptIn = false

  constructor() {
    for (const [tag, name, type] of [
      ["FNAME", "First Name", "text"],
      ["LNAME", "Last Name", "text"],
      ["ADDRESS", "Address", "address"],
      ["PHONE", "Phone Number", "phone"]
    ] as const) {
      this.addField(tag, name, type)
    }
  }

  /** Undefined when there is one with this tag already. */
  addField(tag: string, name: string, type: string): EmulatedMergeField | undefined {
    if (this.fields.some((field) => field.tag === tag)) return undefined
    const field = { merge_id: this.fields.length + 1, tag, name, type, required: false }
    this.fields.push(field)
    return field
  }

  find(email: string): EmulatedMember | undefined {
    return this.members.get(digest("md5", email.toLowerCase()))
  }

  /** What Mailchimp refuses about a write; `status` is the one that the member would have after it. */
  refusal({ email_address = "" }: Written, member: EmulatedMember | undefined, status: string | undefined) {
    if (!address.test(email_address)) {
      const detail = `${email_address} looks fake or invalid, please enter a real email address.`
      return { title: "Invalid Resource", detail } satisfies Refusal
    }
    if (status === undefined || (!statuses.includes(status) && status !== member?.status)) {
      return { title: "Invalid Resource", detail: "The resource submitted could not be validated." } satisfies Refusal
    }
    if (this.forgotten.has(email_address.toLowerCase())) {
      const detail = `${email_address} was permanently deleted and cannot be re-imported. The contact must re-subscribe to get back on the list.`
      return { title: "Forgotten Email Not Subscribed", detail } satisfies Refusal
    }
    if (member !== undefined && left.includes(member.status) && status === "subscribed") {
      const detail = `${email_address} is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be subscribed.`
      return { title: "Member In Compliance State", detail } satisfies Refusal
    }
    return undefined
  }

  write({ email_address = "", merge_fields = {} }: Written, status: string): EmulatedMember {
    const id = digest("md5", email_address.toLowerCase())
    const member = this.members.get(id) ?? { id, email_address, status, merge_fields: this.#empty(), tags: [] }
    member.status = status
    for (const { tag, type } of this.fields) {
      // Fields that the audience doesn't have are passed over.
      const value = merge_fields[tag]
      if (value !== undefined) member.merge_fields[tag] = type === "text" ? cut(String(value)) : value
    }
    this.members.set(id, member)
    return member
  }

  tag(member: EmulatedMember, name: string, isActive: boolean): void {
    const others = member.tags.filter((tag) => tag.name !== name)
    member.tags = isActive ? [...others, { id: 1000 + others.length, name }] : others
  }

  #empty(): Record<string, unknown> {
    return Object.fromEntries(this.fields.map(({ tag }) => [tag, ""]))
  }
}

/** The first 255 bytes. */
const cut = (text: string) =>
  new TextDecoder().decode(new TextEncoder().encode(text).slice(0, 255)).replace(/\uFFFD$/, "")
