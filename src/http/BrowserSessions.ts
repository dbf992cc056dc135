/** Who is signed in with a browser. */
import { Clock, Context, DateTime, Effect, Layer, Redacted } from "effect"
import type { Actor } from "../domain/Actor.ts"
import { BrowserSession } from "../domain/BrowserSession.ts"
import { TokenScope } from "../domain/Principal.ts"
import { hashOf, makeRandomToken } from "../vault/RandomToken.ts"
import { SessionRepo, type SessionRow } from "./SessionRepo.ts"

/** The longest that a browser stays signed in. */
const longestSeconds = 12 * 60 * 60

/** A session that has begun, and the value of its cookie. */
export interface StartedSession {
  readonly session: BrowserSession
  readonly token: Redacted.Redacted<string>
  readonly seconds: number
}

/** A session, and who started it. */
export interface LiveSession {
  readonly session: BrowserSession
  readonly actor: string
}

export class BrowserSessions extends Context.Service<
  BrowserSessions,
  {
    /**
     * Starts a session for whom a token acts, until the token ends. The scope `service` stays behind: a browser belongs
     * to one user. A session that one starts for another has no scope at all.
     *
     * @param tokenEndsAt in milliseconds since 1970
     */
    start(
      actor: Actor & { readonly scopes: ReadonlyArray<TokenScope> },
      tokenEndsAt: number
    ): Effect.Effect<StartedSession>
    /** The session of a cookie; undefined for one that is over. */
    find(token: string): Effect.Effect<LiveSession | undefined>
    /** Ends the session of a cookie, if there is one. */
    end(token: string, address: string | null): Effect.Effect<void>
  }
>()("nexus/http/BrowserSessions") {
  static readonly layer = Layer.effect(
    BrowserSessions,
    Effect.gen(function* () {
      const repo = yield* SessionRepo
      const randomToken = yield* makeRandomToken

      return BrowserSessions.of({
        start: Effect.fn("BrowserSessions.start")(function* (actor, tokenEndsAt) {
          const left = Math.floor((tokenEndsAt - (yield* Clock.currentTimeMillis)) / 1000)
          const seconds = Math.max(1, Math.min(longestSeconds, left))
          const scopes = actor.actor === actor.userId ? actor.scopes.filter((scope) => scope !== "service") : []
          const token = yield* randomToken
          const row = yield* Effect.orDie(repo.insert(actor, scopes.join(" "), hashOf(Redacted.value(token)), seconds))
          return { session: shown(row), token, seconds }
        }),
        find: Effect.fn("BrowserSessions.find")(function* (token) {
          const row = yield* Effect.orDie(repo.find(hashOf(token)))
          return row && { session: shown(row), actor: row.actor }
        }),
        end: Effect.fn("BrowserSessions.end")(function* (token, address) {
          yield* Effect.orDie(repo.delete(hashOf(token), address))
        })
      })
    })
  )
}

const shown = ({ userId, scopes, expiresAt }: SessionRow) =>
  new BrowserSession({
    userId,
    scopes: TokenScope.literals.filter((scope) => scopes.split(" ").includes(scope)),
    expiresAt: DateTime.fromDateUnsafe(expiresAt)
  })
