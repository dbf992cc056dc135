/** Sessions that outlive their access token. */
import { DateTime, Duration, Effect, Option, Redacted, Scope } from "effect"
import { TokenRefresh } from "../oauth/TokenRefresh.ts"
import type { OAuthProvider, Session, SessionContacts } from "../plugin/Provider.ts"
import type { ProviderError } from "../plugin/ProviderError.ts"
import type { IntegrationRow } from "./IntegrationRepo.ts"
import type { Credentials } from "./StoredCredentials.ts"

/** Opens a session with credentials. */
type Open = (credentials: Redacted.Redacted<Credentials>) => Effect.Effect<Session, ProviderError, Scope.Scope>

/**
 * Makes sessions whose access token is renewed: before it ends, by the margin that the plugin declares, and when the
 * provider refuses it, after which the call is made once more. A refusal that stays is the caller's to see.
 */
export const makeLastingSession = Effect.gen(function* () {
  const { renew } = yield* TokenRefresh

  return Effect.fnUntraced(function* (
    provider: OAuthProvider,
    row: Pick<IntegrationRow, "id" | "userId" | "provider" | "connection">,
    stored: Redacted.Redacted<Credentials>,
    open: Open
  ) {
    const scope = yield* Effect.scope
    const reopen = Effect.fnUntraced(function* (credentials: Redacted.Redacted<Credentials>) {
      return { credentials, session: yield* Scope.provide(open(credentials), scope) }
    })
    let current = yield* reopen(stored)

    const isRenewable = () => typeof Redacted.value(current.credentials).refreshToken === "string"
    const renewed = Effect.fnUntraced(function* (stale: Redacted.Redacted<Credentials>) {
      // Another call of this session may have renewed it in the meantime.
      if (stale === current.credentials) {
        current = yield* reopen(yield* renew(provider, row, Redacted.value(stale).accessToken))
      }
    })
    const endsSoon = Effect.map(DateTime.now, (now) => {
      const end = DateTime.make(String(Redacted.value(current.credentials).expiresAt))
      return Option.match(end, {
        onNone: () => undefined,
        onSome: (end) => ({
          isOver: DateTime.isLessThanOrEqualTo(end, now),
          isNear: DateTime.isLessThan(end, DateTime.addDuration(now, Duration.fromInputUnsafe(provider.oauth.margin)))
        })
      })
    })

    /** Makes a call with a token that works, as far as one can be had. */
    const call = <A>(use: (session: Session) => Effect.Effect<A, ProviderError>): Effect.Effect<A, ProviderError> =>
      Effect.gen(function* () {
        if (!isRenewable()) return yield* use(current.session)
        const end = yield* endsSoon
        if (end?.isNear === true) {
          // One that still works is used while no other one can be had, but not when its grant is over.
          yield* Effect.catch(renewed(current.credentials), (error) =>
            end.isOver || error.reason._tag === "Unauthorized" ? Effect.fail(error) : Effect.void
          )
        }
        const { credentials, session } = current
        return yield* use(session).pipe(
          Effect.catchReason("ProviderError", "Unauthorized", () =>
            Effect.andThen(
              renewed(credentials),
              Effect.suspend(() => use(current.session))
            )
          )
        )
      })

    const { revoke, webhook, contacts, files } = current.session
    return {
      verify: call((session) => session.verify),
      revoke: revoke && call((session) => session.revoke ?? revoke),
      webhook,
      contacts: contacts && lastingContacts(contacts, call),
      files: files && { put: (file, upload) => call((session) => (session.files ?? files).put(file, upload)) }
    } satisfies Session
  })
})

const lastingContacts = (
  first: SessionContacts,
  call: <A>(use: (session: Session) => Effect.Effect<A, ProviderError>) => Effect.Effect<A, ProviderError>
): SessionContacts => {
  const { poll, remove } = first
  const through = <A>(use: (contacts: SessionContacts) => Effect.Effect<A, ProviderError>) =>
    call(({ contacts = first }) => use(contacts))
  return {
    describeFields: through((contacts) => contacts.describeFields),
    upsert: (batch) => through((contacts) => contacts.upsert(batch)),
    poll: poll && ((job, batch) => through((contacts) => (contacts.poll ?? poll)(job, batch))),
    remove: remove && ((batch) => through((contacts) => (contacts.remove ?? remove)(batch)))
  }
}
