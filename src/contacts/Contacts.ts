import { Context, Effect, Layer } from "effect"
import { makeUserTransactions } from "../database/UserTransactions.ts"
import type { Actor } from "../domain/Actor.ts"
import type { Contact, ContactPatch, NewContact } from "../domain/Contact.ts"
import { ContactExists, type ContactNotFound, InvalidContact } from "../domain/ContactErrors.ts"
import { idOfCursor, pageOf } from "../domain/Cursor.ts"
import type { UserId } from "../domain/Ids.ts"
import type { Page, PageRequest } from "../domain/Page.ts"
import { type ContactFilter, ContactRepo } from "./ContactRepo.ts"
import { showContact } from "./ContactView.ts"

/** How many custom fields a contact may have. */
const mostCustomFields = 100

/**
 * A user's contacts. Another user's are as if they did not exist. Every change is in the audit log, in the same
 * transaction and without what it says about the person.
 */
export class Contacts extends Context.Service<
  Contacts,
  {
    /** Makes a contact and its CONTACT_CREATED, in one transaction. */
    create(actor: Actor, contact: NewContact): Effect.Effect<Contact, ContactExists>
    list(userId: UserId, filter: ContactFilter, page: PageRequest): Effect.Effect<Page<Contact>>
    get(userId: UserId, id: string): Effect.Effect<Contact, ContactNotFound>
    /** Changes what the patch names. */
    update(
      actor: Actor,
      id: string,
      patch: ContactPatch
    ): Effect.Effect<Contact, ContactNotFound | ContactExists | InvalidContact>
    delete(actor: Actor, id: string): Effect.Effect<void, ContactNotFound>
  }
>()("nexus/contacts/Contacts") {
  static readonly layer = Layer.effect(
    Contacts,
    Effect.gen(function* () {
      const repo = yield* ContactRepo
      const transaction = yield* makeUserTransactions

      return Contacts.of({
        create: Effect.fn("Contacts.create")(
          function* (actor, contact) {
            return yield* transaction(
              actor.userId,
              Effect.gen(function* () {
                const made = yield* repo.insert(actor.userId, contact)
                if (made === null) return yield* taken(actor.userId, contact.email)
                yield* repo.record(actor, "contact.created", made.id, { fields: Object.keys(contact) })
                return showContact(made)
              })
            )
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        list: Effect.fn("Contacts.list")(
          function* (userId, filter, { limit, cursor }) {
            const rows = yield* transaction(userId, repo.list(userId, filter, limit + 1, idOfCursor(cursor)))
            return pageOf(rows.map(showContact), limit)
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        get: Effect.fn("Contacts.get")(
          function* (userId, id) {
            return showContact(yield* transaction(userId, repo.get(userId, id)))
          },
          Effect.catchTag("SqlError", Effect.die)
        ),

        update: Effect.fn("Contacts.update")(
          function* (actor, id, patch) {
            return yield* transaction(
              actor.userId,
              Effect.gen(function* () {
                const row = yield* repo.lock(actor.userId, id)
                if (patch.email !== undefined) {
                  const owner = yield* repo.idOf(actor.userId, patch.email)
                  if (owner !== null && owner !== row.id) return yield* new ContactExists({ id: owner })
                }
                const changed = yield* repo.update(row, patch)
                if (changed === null) return showContact(row)
                // One that imports have given more than that can still be changed, if it gets no more of them.
                const most = Math.max(mostCustomFields, Object.keys(row.customFields).length)
                if (Object.keys(changed.customFields).length > most) return yield* tooManyFields
                yield* repo.record(actor, "contact.updated", row.id, { fields: Object.keys(patch) })
                return showContact(changed)
              })
            )
          },
          // Someone took the address in the meantime: looked up again, it is found.
          (updated, actor, _, { email = "" }) =>
            Effect.catchReason(updated, "SqlError", "UniqueViolation", () =>
              transaction(actor.userId, taken(actor.userId, email))
            ),
          Effect.catchTag("SqlError", Effect.die)
        ),

        delete: Effect.fn("Contacts.delete")(
          function* (actor, id) {
            yield* transaction(
              actor.userId,
              Effect.gen(function* () {
                const row = yield* repo.lock(actor.userId, id)
                yield* repo.delete(row)
                yield* repo.record(actor, "contact.deleted", row.id, {})
              })
            )
          },
          Effect.catchTag("SqlError", Effect.die)
        )
      })

      /** Names the contact that has an address. */
      function taken(userId: UserId, email: string) {
        return repo
          .idOf(userId, email)
          .pipe(
            Effect.flatMap((id) =>
              id === null
                ? Effect.die(new Error("The contact with this address is gone again"))
                : Effect.fail(new ContactExists({ id }))
            )
          )
      }
    })
  )
}

const tooManyFields = new InvalidContact({
  errors: [{ path: "customFields", message: `Expected at most ${mostCustomFields} custom fields in all` }]
})
