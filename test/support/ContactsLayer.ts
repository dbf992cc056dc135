import { NodeServices } from "@effect/platform-node"
import { Effect, FileSystem, Layer } from "effect"
import { ContactExport } from "../../src/contacts/ContactExport.ts"
import { ContactImport, type ImportOptions } from "../../src/contacts/ContactImport.ts"
import { ContactRepo } from "../../src/contacts/ContactRepo.ts"
import { Contacts } from "../../src/contacts/Contacts.ts"
import { TestDatabase } from "./Database.ts"
import { actor } from "./People.ts"

/** What people can do with contacts, on a database of the test file's own. */
export const ContactsLayer = Layer.mergeAll(Contacts.layer, ContactImport.layer, ContactExport.layer).pipe(
  Layer.provideMerge(ContactRepo.layer),
  Layer.provideMerge(TestDatabase.layer),
  Layer.provideMerge(NodeServices.layer)
)

/** Imports a text as a file. */
export const importText = Effect.fnUntraced(function* (user: string, text: string, options?: Partial<ImportOptions>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* fs.makeTempFileScoped()
  yield* fs.writeFileString(path, text)
  return yield* (yield* ContactImport).run(actor(user), path, { emit: false, dryRun: false, ...options })
})
