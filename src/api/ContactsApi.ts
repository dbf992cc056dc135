import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Contact, ContactPatch, NewContact } from "../domain/Contact.ts"
import { ContactExists, ContactNotFound, InvalidContact, InvalidCsv } from "../domain/ContactErrors.ts"
import { ContactImportResult } from "../domain/ContactImportResult.ts"
import { Authentication } from "./Authentication.ts"
import { Paged, PageQuery, Success } from "./Paging.ts"
import { asProblem } from "./Problem.ts"
import { Idempotency, IdempotencyHeaders, UserRateLimit, Validation } from "./RequestRules.ts"

const NotFound = ContactNotFound.pipe(asProblem("ContactNotFound", 404))
const Exists = ContactExists.pipe(asProblem("ContactExists", 409))
const Invalid = InvalidContact.pipe(asProblem("InvalidContact", 400))
const InvalidFile = InvalidCsv.pipe(asProblem("InvalidCsv", 400))

const id = { id: Schema.String }
const Flag = Schema.Literals(["true", "false"])
const Words = Schema.String.check(
  // Postgres stores neither NUL nor half a surrogate pair, so nothing has them.
  Schema.isPattern(/^[^\0\p{Cs}]{1,255}$/su, { message: "Expected a text of 1 to 255 characters" })
)

export const csvContentType = "text/csv"

/** The largest file that is imported. */
export const mostImportBytes = 50 * 1024 * 1024

/** Contacts of a user. */
export class ContactsApi extends HttpApiGroup.make("contacts")
  .add(
    HttpApiEndpoint.get("list", "/", {
      query: {
        ...PageQuery,
        /** A part of the name, the email address or the company. */
        search: Schema.optionalKey(Words),
        tag: Schema.optionalKey(Words)
      },
      success: Paged(Contact)
    }).annotate(OpenApi.Summary, "List contacts, the newest first"),
    HttpApiEndpoint.post("create", "/", {
      headers: IdempotencyHeaders,
      payload: NewContact,
      success: Contact.pipe(HttpApiSchema.status(201)),
      error: Exists
    })
      .middleware(Idempotency)
      .annotate(OpenApi.Summary, "Create a contact, and emit CONTACT_CREATED"),
    HttpApiEndpoint.post("import", "/import", {
      query: {
        /** Whether new contacts emit CONTACT_CREATED; they don't by default. */
        emit: Schema.optionalKey(Flag),
        /** Whether to find out only what would happen. */
        dryRun: Schema.optionalKey(Flag)
      },
      payload: Schema.String.pipe(HttpApiSchema.asText({ contentType: csvContentType })),
      success: ContactImportResult,
      error: InvalidFile
    }).annotate(
      OpenApi.Summary,
      "Create or change contacts from a CSV file of at most 50 MiB: all rows that are right, or on a failure none"
    ),
    HttpApiEndpoint.get("export", "/export", {
      success: HttpApiSchema.WithHeaders(HttpApiSchema.StreamUint8Array({ contentType: csvContentType }), {
        "content-disposition": Schema.String
      })
    }).annotate(OpenApi.Summary, "Download all contacts as a CSV file, which can be imported again"),
    HttpApiEndpoint.get("get", "/:id", { params: id, success: Contact, error: NotFound }).annotate(
      OpenApi.Summary,
      "Show a contact"
    ),
    HttpApiEndpoint.patch("update", "/:id", {
      params: id,
      payload: ContactPatch,
      success: Contact,
      error: [NotFound, Exists, Invalid]
    }).annotate(OpenApi.Summary, "Change what is named of a contact; null takes a value away"),
    HttpApiEndpoint.delete("delete", "/:id", { params: id, success: Success, error: NotFound }).annotate(
      OpenApi.Summary,
      "Delete a contact"
    )
  )
  .prefix("/contacts")
  .middleware(Validation)
  .middleware(UserRateLimit)
  .middleware(Authentication)
  .annotateMerge(OpenApi.annotations({ title: "Contacts" })) {}
