/** The app's folder in an emulated account: its files and folders, by path and whatever the case of its letters. */
import { Schema } from "effect"
import type { EmulatedFile } from "nexus-integrations/plugin/testing"
import type { Tags } from "./EmulatedAnswers.ts"
import type { Content } from "./EmulatedContent.ts"

export const Commit = Schema.Struct({
  path: Schema.String,
  mode: Schema.optionalKey(
    Schema.Union([
      Schema.Literals(["add", "overwrite"]),
      Schema.Struct({ ".tag": Schema.Literals(["add", "overwrite"]) }),
      Schema.Struct({ ".tag": Schema.Literal("update"), update: Schema.String })
    ])
  ),
  autorename: Schema.optionalKey(Schema.Boolean),
  client_modified: Schema.optionalKey(Schema.String),
  mute: Schema.optionalKey(Schema.Boolean),
  strict_conflict: Schema.optionalKey(Schema.Boolean)
})
export type Commit = typeof Commit.Type

interface Node {
  readonly id: string
  /** As it was written. */
  readonly path: string
  readonly rev: string
  /** Undefined for a folder. */
  readonly content: Content | undefined
}

/** Names that Dropbox keeps for itself. */
const disallowed = /^(?:desktop\.ini|thumbs\.db|\.ds_store|\.dropbox|\.dropbox\.attr|icon\r)$/i

export type EmulatedFolder = ReturnType<typeof makeFolder>

export const makeFolder = () => {
  const nodes = new Map<string, Node>()
  let nextId = 1
  let isFull = false

  const key = (path: string) => path.toLowerCase()
  const at = (path: string): Node | undefined =>
    path.startsWith("id:") ? Array.from(nodes.values()).find(({ id }) => id === path) : nodes.get(key(path))
  const parentsOf = (path: string) =>
    path
      .split("/")
      .slice(1, -1)
      .map((_, index, names) => `/${names.slice(0, index + 1).join("/")}`)
  const place = (path: string, content: Content | undefined): Node => {
    const n = nextId++
    // A file that is written over keeps its id.
    const id = at(path)?.id ?? `id:emulated${String(n).padStart(14, "0")}`
    const node = { id, path, content, rev: (0x100000000 + n).toString(16) }
    nodes.set(key(path), node)
    return node
  }

  /** What is wrong with a path to write to. */
  const wrongPath = (path: string): Tags | undefined => {
    const names = path.split("/").slice(1)
    if (!path.startsWith("/") || path.includes("\\") || names.some((name) => name === "" || name.length > 255)) {
      return ["malformed_path"]
    }
    if (names.some((name) => disallowed.test(name))) return ["disallowed_name"]
    return parentsOf(path).some((parent) => at(parent)?.content !== undefined)
      ? ["conflict", "file_ancestor"]
      : undefined
  }
  const makeParents = (path: string) => {
    for (const parent of parentsOf(path)) if (at(parent) === undefined) place(parent, undefined)
  }
  const free = (path: string, suffix: (n: number) => string): string => {
    const [, stem = path, extension = ""] = /^(.*?)(\.[^./]*)?$/s.exec(path) ?? []
    for (let n = 1; ; n++) {
      const other = `${stem} (${suffix(n)})${extension}`
      if (at(other) === undefined) return other
    }
  }

  /** The file that a commit makes, or the tags of the WriteError. */
  const write = (commit: Commit, content: Content): Node | Tags => {
    const { path, mode = "add", autorename = false, strict_conflict = false } = commit
    const wrong = wrongPath(path)
    if (wrong !== undefined) return wrong
    const there = at(path)
    const isSame = there?.content?.hash === content.hash
    if (there !== undefined && isSame && !strict_conflict) return there
    if (isFull) return ["insufficient_space"]
    const kind = typeof mode === "string" ? mode : mode[".tag"]
    const mayReplace =
      there?.content !== undefined &&
      (kind === "overwrite" || (typeof mode === "object" && "update" in mode && mode.update === there.rev))
    makeParents(path)
    if (there === undefined || mayReplace) return place(there?.path ?? path, content)
    if (!autorename) return ["conflict", there.content === undefined ? "folder" : "file"]
    return place(
      free(path, (n) => (kind === "update" ? `conflicted copy${n === 1 ? "" : ` ${n}`}` : String(n))),
      content
    )
  }

  const createFolder = (path: string, autorename: boolean): Node | Tags => {
    const wrong = wrongPath(path)
    if (wrong !== undefined) return wrong
    const there = at(path)
    if (there !== undefined && !autorename) return ["conflict", there.content === undefined ? "folder" : "file"]
    makeParents(path)
    return place(there === undefined ? path : free(path, String), undefined)
  }

  /** What lies in a folder, the root being the empty text; or the tags of the LookupError. */
  const list = (path: string): ReadonlyArray<Node> | Tags => {
    if (path !== "" && (!path.startsWith("/") || path.endsWith("/"))) return ["malformed_path"]
    const there = at(path)
    if (path !== "" && there === undefined) return ["not_found"]
    if (there?.content !== undefined) return ["not_folder"]
    const parent = `${key(path)}/`
    return Array.from(nodes)
      .filter(([lower]) => lower.startsWith(parent) && !lower.slice(parent.length).includes("/"))
      .map(([, node]) => node)
  }

  /** Deletes a file, or a folder with all that is in it; or the tags of the DeleteError. */
  const remove = (path: string, rev: string | undefined): Node | Tags => {
    const there = at(path)
    if (there === undefined) return ["path_lookup", "not_found"]
    if (rev !== undefined && rev !== there.rev) return ["path_write", "conflict", "file"]
    for (const lower of nodes.keys()) {
      if (lower === key(there.path) || lower.startsWith(`${key(there.path)}/`)) nodes.delete(lower)
    }
    return there
  }

  return {
    at,
    write,
    createFolder,
    list,
    remove,
    fill: (full: boolean) => {
      isFull = full
    },
    used: () => Array.from(nodes.values()).reduce((sum, { content }) => sum + (content?.size ?? 0), 0),
    files: (): ReadonlyArray<EmulatedFile> =>
      Array.from(nodes.values()).flatMap(({ id, path, content }) => {
        if (content === undefined) return []
        const names = path.split("/").slice(1)
        const { size, sha256, text } = content
        // Dropbox keeps no type of a file.
        return [{ id, name: names.at(-1) ?? "", folder: names.slice(0, -1), mimeType: "", size, sha256, text }]
      })
  }
}

/** FileMetadata or FolderMetadata. */
export const metadataOf = ({ id, path, rev, content }: Node): object => ({
  name: path.slice(path.lastIndexOf("/") + 1),
  path_lower: path.toLowerCase(),
  path_display: path,
  id,
  ...(content === undefined
    ? {}
    : {
        client_modified: "2026-01-01T00:00:00Z",
        server_modified: "2026-01-01T00:00:00Z",
        rev,
        size: content.size,
        is_downloadable: true,
        content_hash: content.hash
      })
})

/** The same as one of several kinds of metadata. */
export const taggedMetadataOf = (node: Node): object => ({
  ".tag": node.content === undefined ? "folder" : "file",
  ...metadataOf(node)
})

export const isTags = (result: object): result is Tags => Array.isArray(result) && typeof result[0] === "string"
