/** What an emulated account holds: contacts, companies, and the places of the ones in the others. */
import type { EmulatedContact } from "nexus-integrations/plugin/testing"

interface Contact {
  readonly id: string
  readonly email: string
  /** By the names that imports have; the account's own fields as `field_<id>`. */
  values: Readonly<Record<string, unknown>>
  readonly tags: Set<string>
}

interface Association {
  readonly id: string
  readonly contact: string
  account: string
  jobTitle: string | null
}

const entriesOf = (fields: unknown): Record<string, unknown> =>
  Array.isArray(fields) ? Object.fromEntries(fields.map(({ id, value }) => [`field_${id}`, value])) : {}

export class EmulatedAccount {
  readonly contacts = new Map<string, Contact>()
  /** Names by id. */
  readonly companies = new Map<string, string>()
  readonly associations = new Map<string, Association>()
  private last = 0

  private next(): string {
    this.last += 1
    return String(this.last)
  }

  associationOf(contact: string): Association | undefined {
    return Array.from(this.associations.values()).find((association) => association.contact === contact)
  }

  associate(contact: string, account: string, jobTitle: string | null): Association {
    const known = this.associationOf(contact)
    const association = known ?? { id: this.next(), contact, account, jobTitle }
    association.account = account
    this.associations.set(association.id, association)
    return association
  }

  private company(name: string): string {
    const known = Array.from(this.companies).find(([, other]) => other === name)
    const id = known?.[0] ?? this.next()
    this.companies.set(id, name)
    return id
  }

  /** Makes or updates a contact, matched by its address, and gives its id. */
  put(row: Readonly<Record<string, unknown>>, linksCompanies = true): string {
    const { email: given, customer_acct_name, jobTitle, tags, fields, ...values } = row
    const email = String(given).toLowerCase()
    const known = Array.from(this.contacts.values()).find((contact) => contact.email === email)
    const contact = known ?? { id: this.next(), email, values: {}, tags: new Set<string>() }
    contact.values = { ...contact.values, ...values, ...entriesOf(fields) }
    for (const tag of Array.isArray(tags) ? tags : []) contact.tags.add(tag)
    this.contacts.set(contact.id, contact)
    if (typeof customer_acct_name === "string") {
      const company = this.company(customer_acct_name)
      if (linksCompanies) this.associate(contact.id, company, typeof jobTitle === "string" ? jobTitle : null)
    }
    return contact.id
  }

  remove(id: string): boolean {
    const association = this.associationOf(id)
    if (association !== undefined) this.associations.delete(association.id)
    return this.contacts.delete(id)
  }

  all(): ReadonlyArray<EmulatedContact> {
    return Array.from(this.contacts.values(), ({ id, email, values, tags }) => {
      const association = this.associationOf(id)
      const company = association === undefined ? undefined : this.companies.get(association.account)
      return {
        id,
        email,
        fields: {
          ...values,
          email,
          ...(company === undefined ? {} : { customer_acct_name: company }),
          ...(association?.jobTitle == null ? {} : { jobTitle: association.jobTitle })
        },
        tags: Array.from(tags)
      }
    })
  }
}
