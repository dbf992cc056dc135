/** How bytes come to Drive (guide "Upload file data"): in one request, in one of two parts, or in a session. */
import {
  type EmulatedAnswer,
  type EmulatedRequest,
  type IncomingFile,
  incomingFile
} from "nexus-integrations/plugin/testing"
import { badRequest, refusals } from "./EmulatedAnswers.ts"
import { type EmulatedDrive, type Metadata, metadataOf } from "./EmulatedDrive.ts"
import { partsOf } from "./EmulatedMultipart.ts"

/** Chunks are multiples of it, but for the last one, and so is what is stored of a chunk that breaks off. */
const unit = 256 * 1024

interface Session {
  readonly metadata: Metadata
  readonly content: IncomingFile
  readonly query: URLSearchParams
  total: number | undefined
  made: ReturnType<EmulatedDrive["make"]> | undefined
  /** What it answers when it is over. */
  over: number | undefined
}

/** Something that Drive does once, with the next chunk that comes to a session. */
export type Oddity =
  /** Stores so many bytes of it at most. */
  | { readonly takes: number }
  /** Answers that the session is elsewhere from now on. */
  | "moves"
  /** Stores other bytes than came, of a session or not. */
  | "damages"
  /** Has all bytes then, and does not make the file. */
  | "hangs"
  /** Answers 201 where the file is made. */
  | "creates"

export type EmulatedUploads = ReturnType<typeof emulatedUploads>

export const emulatedUploads = (drive: EmulatedDrive) => {
  const sessions = new Map<string, Session>()
  const oddities: Array<Oddity> = []
  let hasUnit = true
  let next = 1

  const once = (oddity: Oddity): boolean => {
    const at = oddities.indexOf(oddity)
    if (at >= 0) oddities.splice(at, 1)
    return at >= 0
  }
  const urlOf = (id: string) => `https://www.googleapis.com/upload/drive/v3/files?uploadType=resumable&upload_id=${id}`
  const take = (content: IncomingFile, bytes: Uint8Array) => {
    const [head] = bytes
    if (head === undefined || !once("damages")) return content.add(bytes)
    content.add(Uint8Array.of(head ^ 1))
    content.add(bytes.subarray(1))
  }

  const inOne = (metadata: Metadata | undefined, bytes: Uint8Array, { query, now }: EmulatedRequest) => {
    if (metadata === undefined) return badRequest("Parse Error")
    const refusal = drive.refused(metadata, true)
    if (refusal !== undefined) return refusal
    const content = incomingFile(["md5", "sha1", "sha256"])
    take(content, bytes)
    return drive.shown(drive.make(metadata, content, now), query)
  }

  const multipart = (request: EmulatedRequest): EmulatedAnswer => {
    const parts = partsOf(request.headers["content-type"] ?? "", request.bytes)
    const [first, second] = parts ?? []
    if (parts?.length !== 2 || first === undefined || second === undefined) {
      return badRequest("Malformed multipart body.")
    }
    if (!first.contentType.startsWith("application/json")) return badRequest("Media type is not JSON")
    const metadata = metadataOf(new TextDecoder().decode(first.bytes))
    return inOne(metadata && { mimeType: second.contentType, ...metadata }, second.bytes, request)
  }

  const open = ({ body, headers, query }: EmulatedRequest): EmulatedAnswer => {
    const metadata = body === "" ? {} : metadataOf(body)
    if (metadata === undefined || (body !== "" && !headers["content-type"]?.startsWith("application/json"))) {
      return badRequest("Parse Error")
    }
    const refusal = drive.refused(metadata, true)
    if (refusal !== undefined) return refusal
    const id = `AEmulatedUpload${next++}`
    const declared = headers["x-upload-content-length"]
    sessions.set(id, {
      metadata: { mimeType: headers["x-upload-content-type"] ?? "application/octet-stream", ...metadata },
      content: incomingFile(["md5", "sha1", "sha256"]),
      query,
      total: declared === undefined ? undefined : Number(declared),
      made: undefined,
      over: undefined
    })
    return { status: 200, headers: { location: urlOf(id) } }
  }

  /** How far a session is: the file, or the range that it has. */
  const state = (id: string, session: Session, now: number): EmulatedAnswer => {
    const { content, total, metadata, made, query } = session
    if (made === undefined && content.size === total && !once("hangs")) {
      const refusal = drive.refused(metadata, true)
      if (refusal !== undefined) return refusal
      session.made = drive.make(metadata, content, now)
    }
    if (session.made !== undefined) return drive.shown(session.made, query, once("creates") ? 201 : 200)
    const range = `0-${content.size - 1}`
    const headers: Record<string, string> = content.size === 0 ? {} : { range: hasUnit ? `bytes=${range}` : range }
    if (total !== undefined && once("moves")) {
      const moved = `${id}Moved`
      sessions.set(moved, { ...session })
      session.over = 404
      headers.location = urlOf(moved)
    }
    return { status: 308, headers }
  }

  const send = (id: string, request: EmulatedRequest): EmulatedAnswer => {
    const session = sessions.get(id)
    if (session === undefined) return refusals.sessionOver
    if (session.over !== undefined) return { ...refusals.sessionOver, status: session.over }
    const { headers, bytes, isPartial, now } = request
    const range = headers["content-range"]
    const { content } = session
    const [, first = "", last = "", total = ""] =
      /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/.exec(range ?? `bytes 0-${bytes.length - 1}/${bytes.length}`) ?? []
    if (range === undefined && bytes.length === 0) {
      session.total ??= 0
      return session.total === 0 ? state(id, session, now) : badRequest("The body has fewer bytes than were declared")
    }
    if (total === "") return badRequest("Failed to parse Content-Range header.")
    const declared = total === "*" ? session.total : Number(total)
    if (session.total !== undefined && declared !== session.total) return badRequest("The total size has changed")
    session.total = declared
    if (first === "") return bytes.length === 0 ? state(id, session, now) : badRequest("A question has no body")
    if (session.made !== undefined) return state(id, session, now)
    const length = Number(last) - Number(first) + 1
    if (!isPartial && bytes.length !== length) return badRequest("The body is not as long as its range")
    if (Number(first) > content.size) return badRequest("The bytes before this range are missing")
    if (Number(last) + 1 !== declared && length % unit !== 0) {
      return badRequest(`The chunk is no multiple of ${unit} bytes`)
    }
    if (drive.isFull()) return refusals.full
    const fresh = bytes.subarray(content.size - Number(first))
    take(content, fresh.subarray(0, taken(content.size, fresh.length, isPartial)))
    return state(id, session, now)
  }

  const taken = (has: number, more: number, isPartial: boolean) => {
    const at = oddities.findIndex((oddity) => typeof oddity === "object")
    const [oddity] = at < 0 ? [] : oddities.splice(at, 1)
    if (typeof oddity === "object") return Math.min(more, oddity.takes)
    return isPartial ? Math.max(0, Math.floor((has + more) / unit) * unit - has) : more
  }

  return {
    answer: (request: EmulatedRequest): EmulatedAnswer => {
      const { method, query, isPartial, bytes } = request
      const id = query.get("upload_id")
      if (id !== null) return method === "PUT" ? send(id, request) : badRequest("A session takes PUT")
      if (method !== "POST") return badRequest("An upload begins with POST")
      // Half a request makes nothing.
      if (isPartial) return badRequest("The body has ended too early")
      if (query.get("uploadType") === "media") return inOne({}, bytes, request)
      if (query.get("uploadType") === "multipart") return multipart(request)
      return query.get("uploadType") === "resumable" ? open(request) : badRequest("Invalid Value", "uploadType")
    },
    /** Plans something odd. */
    plan: (oddity: Oddity) => {
      oddities.push(oddity)
    },
    /** Ends all sessions that there are, as a week does. */
    endSessions: (status: 404 | 410) => {
      for (const session of sessions.values()) session.over = status
    },
    /** Whether ranges are `bytes=0-524287`, or `0-524287` as in older pages of the documentation. */
    nameUnit: (named: boolean) => {
      hasUnit = named
    },
    /** How many sessions were opened. */
    opened: () => next - 1
  }
}
