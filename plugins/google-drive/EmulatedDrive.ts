/** One user's Drive: files, folders, the trash, and the ids that were generated. */
import { Option, Schema } from "effect"
import {
  type EmulatedAnswer,
  type EmulatedFile,
  type EmulatedRequest,
  type IncomingFile,
  incomingFile,
  json
} from "nexus-integrations/plugin/testing"
import { badRequest, masked, notFound, refusals } from "./EmulatedAnswers.ts"
import { queryOf } from "./EmulatedQuery.ts"

export const folderType = "application/vnd.google-apps.folder"
const root = "0AEmulatedRootOfMyDrivePVA"

interface Stored {
  readonly id: string
  readonly name: string
  readonly mimeType: string
  readonly parents: ReadonlyArray<string>
  readonly content: IncomingFile | undefined
  readonly createdAt: number
  /** Whether the application may see it, as it does what it made itself. */
  readonly isOurs: boolean
  isInTrash: boolean
}

export type EmulatedDrive = ReturnType<typeof emulatedDrive>

export const emulatedDrive = () => {
  const files = new Map<string, Stored>()
  const generated = new Set<string>()
  let isFull = false
  let hasSha256 = true
  let next = 1

  const newId = () => `1Emulated${String(next++).padStart(24, "0")}`
  const visible = (id: string) => {
    const found = files.get(id)
    return found?.isOurs === true ? found : undefined
  }
  const isTrashed = (file: Stored): boolean =>
    file.isInTrash || file.parents.some((id) => files.has(id) && isTrashed(files.get(id) ?? file))
  const foldersOf = ({ parents }: Stored): ReadonlyArray<string> =>
    parents.flatMap((id) => {
      const parent = files.get(id)
      return parent === undefined ? [] : [...foldersOf(parent), parent.name]
    })

  const resource = (file: Stored) => ({
    kind: "drive#file",
    id: file.id,
    name: file.name,
    mimeType: file.mimeType,
    parents: file.parents,
    trashed: isTrashed(file),
    createdTime: new Date(file.createdAt).toISOString(),
    modifiedTime: new Date(file.createdAt).toISOString(),
    isAppAuthorized: file.isOurs,
    webViewLink:
      file.content === undefined
        ? `https://drive.google.com/drive/folders/${file.id}`
        : `https://drive.google.com/file/d/${file.id}/view?usp=drivesdk`,
    ...(file.content && {
      size: String(file.content.size),
      md5Checksum: file.content.digest("md5"),
      sha1Checksum: file.content.digest("sha1"),
      ...(hasSha256 ? { sha256Checksum: file.content.digest("sha256") } : {})
    })
  })
  const shown = (file: Stored, query: URLSearchParams, status = 200) =>
    json(status, masked(resource(file), query.get("fields") ?? "kind,id,name,mimeType"))

  /** Why a file can't be made; undefined when it can. */
  const refused = ({ id, parents = [] }: Metadata, hasBytes: boolean): EmulatedAnswer | undefined => {
    if (id !== undefined && files.has(id)) return refusals.idInUse
    if (id !== undefined && !generated.has(id)) return refusals.idUnusable
    if (parents.length > 1) return badRequest("A file can have one parent only", "parents")
    const missing = parents.find((parent) => parent !== "root" && visible(parent)?.mimeType !== folderType)
    if (missing !== undefined) return notFound(missing)
    return hasBytes && isFull ? refusals.full : undefined
  }

  const make = (metadata: Metadata, content: IncomingFile | undefined, now: number, isOurs = true): Stored => {
    const { id = newId(), name = "Untitled", mimeType = "application/octet-stream", parents = ["root"] } = metadata
    const stored = {
      ...{ id, name, mimeType, content, isOurs, createdAt: now, isInTrash: false },
      parents: parents.map((parent) => (parent === "root" ? root : parent))
    }
    files.set(id, stored)
    return stored
  }

  const list = (query: URLSearchParams): EmulatedAnswer => {
    const condition = queryOf(query.get("q") ?? "")
    const pageSize = Number(query.get("pageSize") ?? "100")
    const from = Number(query.get("pageToken")?.replace("~emulated~", "") ?? "0")
    if (condition === undefined) return badRequest("Invalid Value", "q")
    if (!(pageSize >= 1 && pageSize <= 1000))
      return badRequest("Invalid value. Values must be within the range: [1, 1000]")
    if (!Number.isInteger(from)) return badRequest("Invalid Value", "pageToken")
    const found = Array.from(files.values()).filter(
      (file) => file.isOurs && condition({ ...file, isTrashed: isTrashed(file) })
    )
    if (query.get("orderBy") === "createdTime desc") found.reverse()
    const page = found.slice(from, from + pageSize)
    const more = from + pageSize < found.length ? { nextPageToken: `~emulated~${from + pageSize}` } : {}
    const body = { kind: "drive#fileList", incompleteSearch: false, ...more, files: page.map(resource) }
    return json(
      200,
      masked(body, query.get("fields") ?? "kind,incompleteSearch,nextPageToken,files(kind,id,name,mimeType)")
    )
  }

  const generate = (query: URLSearchParams): EmulatedAnswer => {
    const count = Number(query.get("count") ?? "10")
    if (!(count >= 1 && count <= 1000)) return badRequest("Invalid value. Values must be within the range: [1, 1000]")
    const ids = Array.from({ length: count }, newId)
    for (const id of ids) generated.add(id)
    return json(200, masked({ kind: "drive#generatedIds", space: "drive", ids }, query.get("fields") ?? "*"))
  }

  const about = (query: URLSearchParams): EmulatedAnswer => {
    const fields = query.get("fields")
    if (fields === null) return refusals.noFields
    const usage = Array.from(files.values()).reduce((sum, { content }) => sum + (content?.size ?? 0), 0)
    const limit = isFull ? usage : 16_106_127_360
    const body = {
      kind: "drive#about",
      user: {
        ...{ kind: "drive#user", displayName: "Ada Lovelace", me: true, permissionId: "01234567890123456789" },
        emailAddress: "ada.lovelace@example.com"
      },
      storageQuota: { limit: String(limit), usage: String(usage), usageInDrive: String(usage), usageInDriveTrash: "0" }
    }
    return json(200, masked(body, fields))
  }

  const create = ({ body, query, now }: EmulatedRequest): EmulatedAnswer => {
    const metadata = metadataOf(body)
    if (metadata === undefined) return badRequest("Parse Error")
    const isFolder = metadata.mimeType === folderType
    const refusal = refused(metadata, !isFolder)
    return refusal ?? shown(make(metadata, isFolder ? undefined : incomingFile(["md5", "sha1", "sha256"]), now), query)
  }

  /** Answers what goes to one file. */
  const one = (id: string, { method, body, query }: EmulatedRequest): EmulatedAnswer => {
    const found = visible(id)
    if (found === undefined) return notFound(id)
    if (method === "GET") return shown(found, query)
    if (method === "DELETE") {
      files.delete(id)
      generated.delete(id)
      return { status: 204 }
    }
    if (method !== "PATCH") return badRequest(`No such method: ${method}`)
    if (/"trashed"\s*:\s*(true|false)/.test(body)) found.isInTrash = /"trashed"\s*:\s*true/.test(body)
    return shown(found, query)
  }

  return {
    ...{ about, create, generate, list, make, one, refused, shown },
    isFull: () => isFull,
    fill: (full: boolean) => {
      isFull = full
    },
    /** Whether resources have a SHA-256, which Drive does not promise for each. */
    showSha256: (shown: boolean) => {
      hasSha256 = shown
    },
    /** Does something to the files and folders of a name, as their user does: throws them away, or deletes them for good. */
    discard: (name: string, isForGood: boolean) => {
      for (const file of Array.from(files.values()).filter((file) => file.name === name)) {
        if (!isForGood) file.isInTrash = true
        else {
          files.delete(file.id)
          generated.delete(file.id)
        }
      }
    },
    all: (): ReadonlyArray<EmulatedFile> =>
      Array.from(files.values()).flatMap((file) => {
        const { id, name, mimeType, content } = file
        if (content === undefined || isTrashed(file)) return []
        const { size, text } = content
        return [{ id, name, mimeType, folder: foldersOf(file), size, sha256: content.digest("sha256"), text }]
      }),
    /** The names of all folders that are not in the trash. */
    folders: (): ReadonlyArray<string> =>
      Array.from(files.values()).flatMap((file) => (file.content === undefined && !isTrashed(file) ? [file.name] : []))
  }
}

const Metadata = Schema.Struct({
  id: Schema.optionalKey(Schema.String),
  name: Schema.optionalKey(Schema.String),
  mimeType: Schema.optionalKey(Schema.String),
  parents: Schema.optionalKey(Schema.Array(Schema.String))
})
/** What a client says about a file that is to be made. */
export type Metadata = typeof Metadata.Type

const decodeMetadata = Schema.decodeUnknownOption(Schema.fromJsonString(Metadata))

/** The metadata in a body; undefined when it is none. */
export const metadataOf = (body: string): Metadata | undefined => Option.getOrUndefined(decodeMetadata(body))
