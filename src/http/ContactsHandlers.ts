import { DateTime, Effect, FileSystem, Stream } from "effect"
import { HttpApiBuilder, HttpApiSchema } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentUser } from "../api/Authentication.ts"
import { csvContentType, mostImportBytes } from "../api/ContactsApi.ts"
import { success } from "../api/Paging.ts"
import { ContactExport, exportName } from "../contacts/ContactExport.ts"
import { ContactImport } from "../contacts/ContactImport.ts"
import { Contacts } from "../contacts/Contacts.ts"
import { paged, pageRequest } from "./Links.ts"
import { spoolBody } from "./SpooledBody.ts"

export const ContactsHandlers = HttpApiBuilder.group(
  Api,
  "contacts",
  Effect.fn(function* (handlers) {
    const contacts = yield* Contacts
    const imports = yield* ContactImport
    const exports = yield* ContactExport
    const fs = yield* FileSystem.FileSystem

    return handlers
      .handleRaw(
        "import",
        Effect.fnUntraced(function* ({ query, request }) {
          const path = yield* spoolBody(fs, request, csvContentType, mostImportBytes)
          const options = { emit: query.emit === "true", dryRun: query.dryRun === "true" }
          return yield* imports
            .run(yield* CurrentUser, path, options)
            .pipe(Effect.catchTag("PlatformError", Effect.die))
        }, Effect.scoped)
      )
      .handleAll({
        list: Effect.fnUntraced(function* ({ query, request }) {
          const { userId } = yield* CurrentUser
          return paged(request)(yield* contacts.list(userId, query, pageRequest(query)))
        }),
        create: Effect.fnUntraced(function* ({ payload }) {
          return yield* contacts.create(yield* CurrentUser, payload)
        }),
        export: Effect.fnUntraced(function* () {
          const { userId } = yield* CurrentUser
          return HttpApiSchema.withHeaders({
            body: Stream.encodeText(exports.csv(userId)),
            headers: { "content-disposition": `attachment; filename="${exportName(yield* DateTime.now, "csv")}"` }
          })
        }),
        get: Effect.fnUntraced(function* ({ params }) {
          return yield* contacts.get((yield* CurrentUser).userId, params.id)
        }),
        update: Effect.fnUntraced(function* ({ params, payload }) {
          return yield* contacts.update(yield* CurrentUser, params.id, payload)
        }),
        delete: Effect.fnUntraced(function* ({ params }) {
          yield* contacts.delete(yield* CurrentUser, params.id)
          return success
        })
      })
  })
)
