/** Exports of processes of their own, to emulators that tell when something is to happen to a process. */
import { createHash } from "node:crypto"
import * as process from "node:process"
import { PgClient } from "@effect/sql-pg"
import { Effect, FileSystem, Schedule, Stream } from "effect"
import type { EmulatedRequest, Emulator } from "nexus-integrations/plugin/testing"
import { contentHash } from "../../plugins/dropbox/ContentHash.ts"
import { DropboxEmulator } from "../../plugins/dropbox/Emulator.ts"
import { GoogleDriveEmulator } from "../../plugins/google-drive/Emulator.ts"
import { ContactExport } from "../../src/contacts/ContactExport.ts"
import { ProviderId } from "../../src/domain/Ids.ts"
import { type Integration, NewIntegration, type Settings } from "../../src/domain/Integration.ts"
import { Integrations } from "../../src/integrations/Integrations.ts"
import { hostVariable } from "../../src/plugin/Hosts.ts"
import { SyncRunRepo } from "../../src/sync/SyncRunRepo.ts"
import { Emulators } from "../support/Integrating.ts"
import { production, startNexus } from "../support/NexusProcess.ts"
import { actor } from "../support/People.ts"
import { processExists } from "../support/Processes.ts"
import { runOf, syncingLayer } from "../sync/Syncing.ts"
import { rounds } from "./Rounds.ts"

/** Something that happens to whoever makes a request. */
interface Moment {
  /** How many of the requests that fit come before. */
  left: number
  readonly fits: (request: EmulatedRequest) => boolean
  /** Whether the provider has done by then what it was asked for; the answer is yet to come. */
  readonly isDone: boolean
  readonly happens: () => void
}

const watched = <E extends Emulator>(emulator: E) => {
  let moment: Moment | undefined
  const answer = (request: EmulatedRequest) => {
    const now = moment?.fits(request) === true && moment.left-- === 0 ? moment : undefined
    if (now === undefined) return emulator.answer(request)
    moment = undefined
    if (!now.isDone) now.happens()
    const answer = emulator.answer(request)
    if (now.isDone) now.happens()
    return answer
  }
  const plan = (next: Moment | undefined) => {
    moment = next
  }
  return { emulator: { ...emulator, answer }, plan, isPlanned: () => moment !== undefined }
}

export const stands = { GOOGLE_DRIVE: watched(GoogleDriveEmulator()), DROPBOX: watched(DropboxEmulator()) }
export type Store = keyof typeof stands
export const stores: ReadonlyArray<Store> = ["GOOGLE_DRIVE", "DROPBOX"]

export const StoresLayer = syncingLayer({
  GOOGLE_DRIVE: () => stands.GOOGLE_DRIVE.emulator,
  DROPBOX: () => stands.DROPBOX.emulator
})

/** Both of them with `npm run test:faults`; one in the suite, which has little time. */
export const atLeast = (one: Store) => Effect.map(rounds(1), (all) => (all > 1 ? stores : [one]))

export const any = () => true

/** Whether a request brings bytes of a large file. */
export const isChunk = ({ path, headers }: EmulatedRequest) =>
  path.endsWith("/append_v2") || /^bytes \d/.test(headers["content-range"] ?? "")

/** Whether a request makes the file of the bytes that came. */
export const isLast = ({ path, headers }: EmulatedRequest) => {
  const [, last, size] = /-(\d+)\/(\d+)$/.exec(headers["content-range"] ?? "") ?? []
  return path.endsWith("/finish") || (last !== undefined && Number(last) + 1 === Number(size))
}

/** Gives a user 4,000 contacts that make a file of more than 20 MB, which is three chunks. */
export const manyPeople = Effect.fnUntraced(function* (userId: string, from = 1) {
  const sql = yield* PgClient.PgClient
  yield* sql`
    INSERT INTO nexus.contact (user_id, email, company)
    SELECT ${userId}, 'ada.' || n || '@example.com', repeat(md5(n::text), 170)
    FROM generate_series(${from}::int, ${from + 3999}::int) AS n`
})

/** The file that an export makes of a user's contacts now. */
export const fileNow = Effect.fnUntraced(function* (userId: string) {
  let contacts = 0
  const onProgress = (done: number) =>
    Effect.sync(() => {
      contacts = done
    })
  const text = yield* Stream.mkString((yield* ContactExport).csv(actor(userId).userId, { onProgress }))
  const bytes = new TextEncoder().encode(text)
  const sha256 = createHash("sha256").update(bytes).digest("hex")
  const checksums = { GOOGLE_DRIVE: `sha256:${sha256}`, DROPBOX: `content_hash:${contentHash(bytes)}` }
  return { contacts, sha256, size: bytes.length, checksums }
})

/** A process that works on exports. Its temporary folder is its own. */
export const startExporter = Effect.fnUntraced(function* (folder?: string) {
  const tmp = folder ?? (yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped())
  const variables: Record<string, string> = { ...(yield* production), TMPDIR: tmp }
  const emulators = yield* Emulators
  for (const [provider, { emulator }] of Object.entries(stands)) {
    const { url } = emulators.of(provider).server
    for (const host of emulator.hosts) variables[hostVariable(ProviderId.make(provider), host)] = url
  }
  const { GOOGLE_DRIVE: google, DROPBOX: dropbox } = stands
  variables.GOOGLE_CLIENT_ID = google.emulator.oauth.client.id
  variables.GOOGLE_CLIENT_SECRET = google.emulator.oauth.client.secret
  variables.DROPBOX_APP_KEY = dropbox.emulator.oauth.client.id
  variables.DROPBOX_APP_SECRET = dropbox.emulator.oauth.client.secret
  const nexus = yield* startNexus(["serve", "--no-api"], variables)
  yield* nexus.line(/The dispatcher is running/)
  const signal = (name: NodeJS.Signals) => () => {
    process.kill(nexus.pid, name)
  }
  return { ...nexus, tmp, signal }
})

const scopes = {
  GOOGLE_DRIVE: ["https://www.googleapis.com/auth/drive.file"],
  DROPBOX: ["account_info.read", "files.content.write", "files.metadata.read"]
}

/** Connects a user with tokens that nobody else has. */
export const connectStore = Effect.fnUntraced(function* (userId: string, store: Store, settings: Settings = {}) {
  const { credentials, oauth } = stands[store].emulator
  const given = { ...credentials, ...oauth.give(scopes[store]) }
  return yield* (yield* Integrations).connect(
    actor(userId),
    new NewIntegration({ provider: store, credentials: given, settings })
  )
})

/** Lets whoever is there take a run. */
export const lapse = Effect.fnUntraced(function* (userId: string) {
  const sql = yield* PgClient.PgClient
  yield* sql`
    UPDATE nexus.sync_run SET leased_until = CASE state WHEN 'RUNNING' THEN now() END, wake_at = CASE state WHEN 'WAITING' THEN now() END
    WHERE user_id = ${userId} AND state IN ('RUNNING', 'WAITING')`
})

/** Begins an export that no process works on yet. */
export const beginExport = Effect.fnUntraced(function* ({ id, userId, provider }: Integration) {
  const run = yield* (yield* SyncRunRepo).begin(
    { id, userId, provider },
    { trigger: "manual", isFull: false, isDryRun: false, format: "csv" }
  )
  yield* lapse(userId)
  return run ?? (yield* Effect.die(new Error("There is a run already")))
})

/** Waits until something is so. */
export const until = <A, E, R>(look: Effect.Effect<A, E, R>, isSo: (a: A) => boolean) =>
  Effect.repeat(look, { until: isSo, schedule: Schedule.spaced("5 millis") })

/** Waits until a moment that was planned has come. */
export const come = (store: Store) =>
  until(
    Effect.sync(() => stands[store].isPlanned()),
    (isPlanned) => !isPlanned
  )

/** Waits until a process is gone. */
export const gone = (pid: number) => until(processExists(pid), (exists) => !exists)

/** A run, once it is over. */
export const over = (userId: string, store: Store, id: string) =>
  until(runOf(userId, store, id), ({ state }) => state !== "RUNNING")

/** The files at a provider under the name that the file of a run has. */
export const filesOf = (store: Store, { startedAt }: { readonly startedAt: Date }) => {
  const stem = `contacts-export-${startedAt.toISOString().replace(/\.\d+|[-:]/g, "")}`
  return stands[store].emulator.files.all().filter(({ name }) => name.startsWith(stem))
}

/** What there should be nothing of: an upload that is kept, and temporary files. */
export const leftOver = Effect.fnUntraced(function* (tmp: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const sql = yield* PgClient.PgClient
  const kept = yield* sql`SELECT id FROM nexus.sync_run WHERE upload IS NOT NULL`
  const files = yield* Effect.forEach(tmp, (folder) => fs.readDirectory(folder))
  return [...kept, ...files.flat()]
})
