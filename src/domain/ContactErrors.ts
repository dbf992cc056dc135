import { Schema } from "effect"
import { ContactId } from "./Ids.ts"

/** There is no such contact, or it is another user's. */
export class ContactNotFound extends Schema.TaggedError<ContactNotFound>()(
  "ContactNotFound",
  { id: Schema.String },
  { httpApiStatus: 404 }
) {
  override get message() {
    return `There is no contact ${this.id}`
  }
}

/** The user has a contact with this address. */
export class ContactExists extends Schema.TaggedError<ContactExists>()(
  "ContactExists",
  { id: ContactId },
  { httpApiStatus: 409 }
) {
  override get message() {
    return `The contact ${this.id} has this email address; change that one, or take another address`
  }
}

/** What is asked for does not make a contact, although its shape is right. */
export class InvalidContact extends Schema.TaggedError<InvalidContact>()(
  "InvalidContact",
  { errors: Schema.NonEmptyArray(Schema.Struct({ path: Schema.String, message: Schema.String })) },
  { httpApiStatus: 400 }
) {
  override get message() {
    return this.errors.map(({ path, message }) => `${path}: ${message}`).join("; ")
  }
}

/** A CSV file can't be read as a whole, so nothing of it was taken. `line` counts from 1; null: the whole file. */
export class InvalidCsv extends Schema.TaggedError<InvalidCsv>()(
  "InvalidCsv",
  { line: Schema.NullOr(Schema.Int), reason: Schema.String },
  { httpApiStatus: 400 }
) {
  override get message() {
    return `${this.line === null ? "The file" : `Line ${this.line} of the file`}: ${this.reason}. Nothing was imported`
  }
}
