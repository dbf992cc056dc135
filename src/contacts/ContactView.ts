import { DateTime } from "effect"
import { Contact } from "../domain/Contact.ts"
import type { ContactRow } from "./ContactRepo.ts"

/** A contact as the API shows it. */
export const showContact = (row: ContactRow) =>
  new Contact({
    ...row,
    createdAt: DateTime.fromDateUnsafe(row.createdAt),
    updatedAt: DateTime.fromDateUnsafe(row.updatedAt)
  })
