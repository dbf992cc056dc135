import { Context, Effect, Layer, type Stream } from "effect"
import type { IntegrationId } from "../domain/Ids.ts"
import { NotConnected, NotSupported, ProviderFailed } from "../domain/IntegrationErrors.ts"
import { Checks } from "../integrations/Checks.ts"
import { Connections } from "../integrations/Connections.ts"
import { IntegrationRepo, type IntegrationRow } from "../integrations/IntegrationRepo.ts"
import type { OutgoingFile, StoredFile } from "../plugin/Files.ts"
import { makeSpool } from "./Spool.ts"
import { makeUploading } from "./Uploading.ts"

/** Brings files of an application's own to providers. */
export class FileUploads extends Context.Service<
  FileUploads,
  {
    /**
     * Uploads a file through an integration. It is written to this machine's disk first, and goes on after a cut
     * connection; its name is made one that can be a file's. What the provider refuses is noted at the integration.
     */
    upload(
      integration: IntegrationId,
      file: Pick<OutgoingFile, "name" | "mimeType">,
      content: Stream.Stream<Uint8Array>
    ): Effect.Effect<StoredFile, NotConnected | NotSupported | ProviderFailed>
  }
>()("nexus/files/FileUploads") {
  static readonly layer = Layer.effect(
    FileUploads,
    Effect.gen(function* () {
      const integrations = yield* IntegrationRepo
      const connections = yield* Connections
      const checks = yield* Checks
      const spool = yield* makeSpool
      const uploading = yield* makeUploading

      const put = Effect.fnUntraced(function* (
        row: IntegrationRow,
        named: Pick<OutgoingFile, "name" | "mimeType">,
        content: Stream.Stream<Uint8Array>
      ) {
        const { files } = yield* connections.session(row)
        if (files === undefined) return yield* new NotSupported({ reason: `${row.provider} takes no files` })
        const file = yield* spool(content, named)
        return yield* uploading(files, file, { state: null, keep: () => Effect.void })
      }, Effect.scoped)

      return FileUploads.of({
        upload: Effect.fn("FileUploads.upload")(
          function* (integration, file, content) {
            const row = yield* integrations.byId(integration)
            if (row === undefined) return yield* new NotConnected({ provider: "The provider" })
            return yield* put(row, file, content).pipe(
              Effect.catchTag("ProviderError", (error) =>
                Effect.flatMap(checks.failed(row, error), ({ kind, sentence }) =>
                  Effect.fail(new ProviderFailed({ reason: sentence, kind }))
                )
              ),
              Effect.catchTag("SpoolFailed", ({ message }) =>
                Effect.fail(new ProviderFailed({ reason: message, kind: "Unavailable" }))
              )
            )
          },
          Effect.catchTag("SqlError", Effect.die)
        )
      })
    })
  )
}
