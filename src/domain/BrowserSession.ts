import { Schema } from "effect"
import { UserId } from "./Ids.ts"
import { TokenScope } from "./Principal.ts"

/** Who is signed in with a browser, and until when. */
export class BrowserSession extends Schema.Class<BrowserSession>("BrowserSession")({
  userId: UserId,
  /** Never `service`; none at all where a service started the session for its user. */
  scopes: Schema.Array(TokenScope),
  /** When the token ends that it was started with, at most twelve hours after its start. */
  expiresAt: Schema.DateTimeUtcFromString
}) {}

/** There is no session to show. */
export class NoSession extends Schema.TaggedError<NoSession>()("NoSession", {}, { httpApiStatus: 404 }) {
  override get message() {
    return "No session belongs to this request. POST /session with a token starts one"
  }
}
