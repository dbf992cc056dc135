/** The routes of an emulated Dropbox that take bytes. */
import { Option, Schema } from "effect"
import { type EmulatedAnswer, type EmulatedRequest, json } from "nexus-integrations/plugin/testing"
import { contentHash } from "./ContentHash.ts"
import { badRequest, refusal, type Tags, uploadRefusal } from "./EmulatedAnswers.ts"
import { type Content, contentOf, type Intake, makeIntake } from "./EmulatedContent.ts"
import { Commit, type EmulatedFolder, isTags, metadataOf } from "./EmulatedFolder.ts"

const hash = { content_hash: Schema.optionalKey(Schema.String) }
const cursor = { cursor: Schema.Struct({ session_id: Schema.String, offset: Schema.Int }) }
const close = { close: Schema.optionalKey(Schema.Boolean) }

/** An argument with a member that the route doesn't know is refused. */
const argumentOf = <A>(schema: Schema.Codec<A, unknown>) =>
  Schema.decodeUnknownOption(Schema.fromJsonString(schema), { onExcessProperty: "error" })
const decodeUpload = argumentOf(Schema.Struct({ ...Commit.fields, ...hash }))
const decodeStart = argumentOf(
  Schema.Struct({ ...close, ...hash, session_type: Schema.optionalKey(Schema.Literal("sequential")) })
)
const decodeAppend = argumentOf(Schema.Struct({ ...cursor, ...close, ...hash }))
const decodeFinish = argumentOf(Schema.Struct({ ...cursor, commit: Commit, ...hash }))

interface Session {
  readonly intake: Intake
  isClosed: boolean
}

/** 150 MiB. */
const mostBytes = 150 * 1024 * 1024
const mostOfFile = 2 ** 41 - 2 ** 22

export const makeUploads = (folder: EmulatedFolder) => {
  const sessions = new Map<string, Session>()
  let nextSession = 1
  let damages = 0
  let keepsPartials = false

  /** What is stored of what came: another content once Dropbox is to damage one. */
  const stored = (content: Content): Content => {
    if (damages === 0) return content
    damages--
    return contentOf(new TextEncoder().encode("damaged"))
  }

  const isWrongHash = (bytes: Uint8Array, wanted: string | undefined) =>
    wanted !== undefined && contentHash(bytes) !== wanted

  const upload = ({ bytes, isPartial }: EmulatedRequest, argument: string): EmulatedAnswer | undefined => {
    const decoded = Option.getOrUndefined(decodeUpload(argument))
    if (decoded === undefined) return undefined
    const { content_hash, ...commit } = decoded
    if (bytes.length > mostBytes) return refusal(["payload_too_large"])
    if (isPartial || isWrongHash(bytes, content_hash)) return refusal(["content_hash_mismatch"])
    const written = folder.write(commit, stored(contentOf(bytes)))
    return isTags(written) ? uploadRefusal(written) : json(200, metadataOf(written))
  }

  const start = ({ bytes, isPartial }: EmulatedRequest, argument: string): EmulatedAnswer | undefined => {
    const decoded = Option.getOrUndefined(decodeStart(argument))
    if (decoded === undefined) return undefined
    if (isPartial || isWrongHash(bytes, decoded.content_hash)) return refusal(["content_hash_mismatch"])
    const id = `pid_upload_session:emulated-${nextSession++}`
    const intake = makeIntake()
    intake.add(bytes)
    sessions.set(id, { intake, isClosed: decoded.close ?? false })
    return json(200, { session_id: id })
  }

  /** The session of a cursor, or the refusal of its lookup. */
  const lookUp = ({ session_id, offset }: { readonly session_id: string; readonly offset: number }) => {
    const session = sessions.get(session_id)
    if (session === undefined) return { tags: ["not_found"] as const, members: {} }
    const { size } = session.intake
    return size === offset ? session : { tags: ["incorrect_offset"] as const, members: { correct_offset: size } }
  }

  /** Adds bytes to a session; the tags of what is wrong with them. */
  const add = (
    session: Session,
    { bytes, isPartial }: EmulatedRequest,
    wanted: string | undefined
  ): Tags | undefined => {
    if (bytes.length > mostBytes) return ["payload_too_large"]
    if (session.intake.size + bytes.length > mostOfFile) return ["too_large"]
    if (isPartial && keepsPartials) session.intake.add(bytes)
    if (isPartial || isWrongHash(bytes, wanted)) return ["content_hash_mismatch"]
    session.intake.add(bytes)
    return undefined
  }

  const append = (request: EmulatedRequest, argument: string): EmulatedAnswer | undefined => {
    const decoded = Option.getOrUndefined(decodeAppend(argument))
    if (decoded === undefined) return undefined
    const session = lookUp(decoded.cursor)
    if ("tags" in session) return refusal(session.tags, session.members)
    if (session.isClosed) return refusal(["closed"])
    const wrong = add(session, request, decoded.content_hash)
    if (wrong !== undefined) return refusal(wrong)
    session.isClosed = decoded.close ?? false
    return json(200, null)
  }

  const finish = (request: EmulatedRequest, argument: string): EmulatedAnswer | undefined => {
    const decoded = Option.getOrUndefined(decodeFinish(argument))
    if (decoded === undefined) return undefined
    const session = lookUp(decoded.cursor)
    if ("tags" in session) return refusal(["lookup_failed", ...session.tags], session.members)
    if (session.isClosed && request.bytes.length > 0) return refusal(["lookup_failed", "closed"])
    const wrong = add(session, request, decoded.content_hash)
    if (wrong !== undefined) return refusal(wrong)
    const written = folder.write(decoded.commit, stored(session.intake.content()))
    // The bytes stay in the session: the same again needs no body.
    if (isTags(written)) return refusal(["path", ...written])
    sessions.delete(decoded.cursor.session_id)
    return json(200, metadataOf(written))
  }

  const routes = new Map([
    ["files/upload", upload],
    ["files/upload_session/start", start],
    ["files/upload_session/append_v2", append],
    ["files/upload_session/finish", finish]
  ])

  return {
    isRoute: (route: string) => routes.has(route),
    answer: (route: string, request: EmulatedRequest): EmulatedAnswer => {
      const { "content-type": type = "", "dropbox-api-arg": argument = "" } = request.headers
      if (type !== "application/octet-stream" && type !== "text/plain; charset=dropbox-cors-hack") {
        const expected = '"application/octet-stream", "text/plain; charset=dropbox-cors-hack"'
        return badRequest(route, `Bad HTTP "Content-Type" header: "${type}".  Expecting one of ${expected}.`)
      }
      const answer = isHeaderSafe(argument) ? routes.get(route)?.(request, argument) : undefined
      return answer ?? badRequest(route, 'HTTP header "Dropbox-API-Arg": could not decode input as JSON')
    },
    /** Ends all upload sessions, as a week does. */
    expireSessions: () => sessions.clear(),
    /** So many of the next files are stored as something else. */
    damage: (files: number) => {
      damages = files
    },
    /** Whether what came of a chunk whose connection was cut counts, as far as it came. */
    keepPartials: (keeps: boolean) => {
      keepsPartials = keeps
    }
  }
}

const isHeaderSafe = (argument: string) => /^[\x20-\x7e]*$/.test(argument)
