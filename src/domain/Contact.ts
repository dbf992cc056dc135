/** A contact: a person that a user knows, by their email address. */
import { Schema } from "effect"
import { ContactId, UserId } from "./Ids.ts"

/** Postgres stores neither NUL nor half a surrogate pair. */
const text = (most: number) =>
  Schema.NullOr(
    Schema.String.check(
      Schema.isPattern(new RegExp(`^[^\\0\\p{Cs}]{0,${most}}$`, "su"), {
        message: `Expected a text of at most ${most} characters`
      })
    )
  )

/**
 * An email address as `<input type=email>` takes it, with at least one dot in the domain and at most 254 characters.
 * Source: https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address
 */
export const emailPattern =
  /^(?=.{3,254}$)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/

const trimmedEmail = /^\s*(\S*)\s*$/

/** An email address; spaces around it are no part of it and not stored. */
export const Email = Schema.String.check(
  Schema.makeFilter((value) => emailPattern.test(trimmedEmail.exec(value)?.[1] ?? ""), {
    message: "Expected an email address, for example john@example.com"
  })
)

const Tag = Schema.String.check(
  Schema.isPattern(/^(?=.{1,100}$)(?!\s)[^\0\p{Cs}]*(?<!\s)$/su, {
    message: "Expected a tag of 1 to 100 characters, without spaces at its ends"
  })
)

/** Labels of the user's own: at most 100. One that is there twice counts once. */
export const Tags = Schema.Array(Tag).check(Schema.isMaxLength(100, { message: "Expected at most 100 tags" }))

/** The name of a custom field. */
export const customFieldName = /^[A-Za-z][A-Za-z0-9_]{0,63}$/

const CustomValue = Schema.Union([
  Schema.String.check(
    Schema.isPattern(/^[^\0\p{Cs}]{0,4096}$/su, { message: "Expected a text of at most 4096 characters" })
  ),
  Schema.Finite,
  Schema.Boolean,
  Schema.Null
])
export type CustomValue = typeof CustomValue.Type

/** Fields of the user's own: at most 100. Null takes a field away. */
// The names are judged by a check of the whole: a record passes over keys that its key schema refuses.
export const CustomFields = Schema.Record(Schema.String, CustomValue).check(
  Schema.isMaxProperties(100, { message: "Expected at most 100 custom fields" }),
  Schema.makeFilter((fields) =>
    Object.keys(fields)
      .filter((name) => !customFieldName.test(name))
      .map((name) => ({ path: [name], issue: "Expected a name of a letter, then up to 63 letters, digits and _" }))
  )
)

const details = {
  cardId: Schema.optionalKey(text(255)),
  firstName: Schema.optionalKey(text(255)),
  lastName: Schema.optionalKey(text(255)),
  phone: Schema.optionalKey(text(64)),
  company: Schema.optionalKey(text(255)),
  jobTitle: Schema.optionalKey(text(255)),
  tags: Schema.optionalKey(Tags),
  customFields: Schema.optionalKey(CustomFields)
}

/** What `POST /contacts` takes. An empty text counts as none. */
export class NewContact extends Schema.Class<NewContact>("NewContact")({ email: Email, ...details }) {}

/**
 * What `PATCH /contacts/:id` takes: only what is to change. Null or an empty text takes a value away; `tags` replaces
 * all tags; `customFields` changes the fields that it names.
 */
export class ContactPatch extends Schema.Class<ContactPatch>("ContactPatch")({
  email: Schema.optionalKey(Email),
  ...details
}) {}

/** A contact as the API shows it. */
export class Contact extends Schema.Class<Contact>("Contact")({
  id: ContactId,
  userId: UserId,
  cardId: Schema.NullOr(Schema.String),
  firstName: Schema.NullOr(Schema.String),
  lastName: Schema.NullOr(Schema.String),
  email: Schema.String,
  phone: Schema.NullOr(Schema.String),
  company: Schema.NullOr(Schema.String),
  jobTitle: Schema.NullOr(Schema.String),
  tags: Schema.Array(Schema.String),
  customFields: Schema.Record(Schema.String, CustomValue),
  createdAt: Schema.DateTimeUtcFromString,
  updatedAt: Schema.DateTimeUtcFromString
}) {}
