/** A provider of files that does what the test says, for what no emulator does. */
import { Effect, Layer, Schema } from "effect"
import {
  type OutgoingFile,
  type ProviderError,
  plugin,
  type StoredFile,
  text,
  type Upload
} from "nexus-integrations/plugin"
import { NewIntegration, type Settings } from "../../src/domain/Integration.ts"
import { NewExport } from "../../src/domain/Sync.ts"
import { Integrations } from "../../src/integrations/Integrations.ts"
import { Syncs } from "../../src/sync/Syncs.ts"
import { integratingLayer } from "../support/Integrating.ts"
import { actor } from "../support/People.ts"
import { Impatient } from "./Syncing.ts"

export interface FileStore {
  put: (file: OutgoingFile, upload: Upload) => Effect.Effect<StoredFile, ProviderError>
  /** The files that are there, with what is in them. */
  readonly files: Array<StoredFile & { readonly text: string; readonly mimeType: string }>
  /** What each call of `put` was given. */
  readonly kept: Array<string | null>
}

/** Takes a file as it is. */
export const take = (store: FileStore, file: OutgoingFile) =>
  Effect.gen(function* () {
    const bytes = yield* file.read({ from: 0, length: file.size })
    const stored = {
      id: `file-${store.files.length + 1}`,
      name: file.name,
      link: "https://files.example/1",
      size: file.size,
      checksum: `sha256:${yield* file.digest("sha256")}`
    }
    store.files.push({ ...stored, text: new TextDecoder().decode(bytes), mimeType: file.mimeType })
    return stored
  })

/** Connects a user with the store. */
export const connect = Effect.fnUntraced(function* (userId: string, settings: Settings = {}) {
  const integrations = yield* Integrations
  const credentials = { account: userId }
  return yield* integrations.connect(actor(userId), new NewIntegration({ provider: "STORE", credentials, settings }))
})

/** Exports as a person does, and waits for it. */
export const exportOf = Effect.fnUntraced(function* (userId: string, how: NewExport = {}) {
  return yield* (yield* Syncs).export(actor(userId), "STORE", new NewExport(how))
})

/** A store, the layer in which it is a provider, and `begin`, after which it is empty and takes what comes. */
export const fileStore = () => {
  const store: FileStore = { put: (file) => take(store, file), files: [], kept: [] }
  const begin = () => {
    store.files.length = 0
    store.kept.length = 0
    store.put = (file) => take(store, file)
  }
  const credentials = Schema.Struct({ account: text({ title: "Account", description: "Its name.", example: "one" }) })
  const files = plugin({
    id: "STORE",
    name: "Store",
    category: "storage",
    description: "Keeps files.",
    documentation: "https://store.example",
    logo: { monogram: "S", color: "#000000" },
    contract: 1,
    hosts: { api: "https://api.store.example" },
    credentials,
    settings: Schema.Struct({}),
    limits: { concurrency: 1, throttled: () => undefined },
    verify: ({ credentials: { account } }) => Effect.succeed({ id: account, label: account }),
    files: {
      put: (_, file, upload) => {
        store.kept.push(upload.kept)
        return store.put(file, upload)
      }
    }
  })
  return { store, begin, layer: integratingLayer(files).pipe(Layer.provide(Impatient)) }
}
