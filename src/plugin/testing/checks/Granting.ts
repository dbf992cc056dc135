/** Checks of OAuth: that users are connected by it, stay connected, and can end that. */
import { Effect, Exit, Option, Result, Schema } from "effect"
import { matches } from "../../Hosts.ts"
import type { Provider } from "../../Provider.ts"
import { ProviderError } from "../../ProviderError.ts"
import { type Check, expect, makeCheck } from "../Check.ts"
import { connected, tryOAuth } from "../OAuthTrial.ts"
import type { OpenStand } from "../Stand.ts"

/** Callers that find the token over at the same moment, in each of two processes. */
const callers = 24

export const grantingChecks = (open: OpenStand): ReadonlyArray<Check> => [
  makeCheck(
    "its OAuth is one that can work",
    Effect.gen(function* () {
      const { provider } = yield* open()
      if (provider.oauth === undefined) return "does not apply"
      const { authorizationUrl, tokenUrl, revocation, scopes, requiredScopes, client } = provider.oauth
      const urls = [authorizationUrl, tokenUrl, revocation?.url].filter((url) => typeof url === "string")
      const stray = urls.find((url) => !isDeclared(provider, url))
      yield* expect(stray === undefined, {
        expected: "The addresses of OAuth are on declared hosts.",
        happened: `${stray} is not.`,
        advice: "Declare its host."
      })
      const extra = requiredScopes.filter((scope) => !scopes.includes(scope))
      const names = Object.values(client).filter((name) => !/^[A-Z][A-Z0-9_]+$/.test(name))
      yield* expect(extra.length === 0 && scopes.length > 0 && names.length === 0, {
        expected: "Scopes that are required are asked for, and the client's variables have names in upper case.",
        happened: `Not asked for: ${extra.join(", ") || "none"}. Of another form: ${names.join(", ") || "none"}.`,
        advice: "Look at scopes, requiredScopes and client."
      })
    })
  ),
  makeCheck(
    "a user who consents is connected, with credentials that fit the form",
    Effect.gen(function* () {
      const trial = yield* tryOAuth(open())
      if (Option.isNone(trial)) return "does not apply"
      const { provider, session, emulated, authorizationUrl, exchange, oauth } = trial.value
      const back = emulated.consent(yield* authorizationUrl)
      const { fields, scopes = oauth.scopes } = yield* exchange(back)
      yield* Schema.decodeUnknownEffect(provider.credentials)(fields)
      const missing = oauth.requiredScopes.filter((scope) => !scopes.includes(scope))
      yield* expect(missing.length === 0, {
        expected: "A user who allows everything grants the required scopes.",
        happened: `${missing.join(", ")} is missing in the answer.`,
        advice: "Look at requiredScopes, and at scope in the emulator's answer."
      })
      yield* (yield* session(fields)).verify
      const again = yield* Effect.result(exchange(back))
      yield* expect(Result.isFailure(again) && again.failure._tag === "CallbackRefused", {
        expected: "A code is good for one exchange.",
        happened: "The second exchange did something else than to refuse it.",
        advice:
          "Make the emulator's OAuth with emulatedOAuth; a code that it refuses is invalid_grant or in grantErrors."
      })
    })
  ),
  makeCheck(
    "tokens refresh once for fifty callers in two processes",
    Effect.gen(function* () {
      const trial = yield* tryOAuth(open())
      if (Option.isNone(trial)) return "does not apply"
      const { emulated, openProcess } = trial.value
      const fields = yield* connected(trial.value)
      const processes = [yield* openProcess, yield* openProcess]
      const sessions = yield* Effect.forEach(processes, ({ open }) => open(fields))
      emulated.expire()
      const isRefused = Exit.isFailure(yield* Effect.exit((yield* trial.value.session(fields)).verify))
      yield* expect(isRefused, {
        expected: "The emulator refuses an access token that is over.",
        happened: "verify succeeds with one.",
        advice: 'Only a list of scopes is a token that works: scopesOf(…) is "expired" or undefined for the others.'
      })
      const before = emulated.counts().refreshes
      // Most ask for the token alone, as the requests of fifty calls would be more than some providers take.
      const renewing = Array.from({ length: callers }, () => processes.map(({ renew }) => renew(fields.accessToken)))
      const calls = [...sessions.map(({ verify }) => Effect.asVoid(verify)), ...renewing.flat().map(Effect.asVoid)]
      const exits = yield* Effect.forEach(calls, (call) => Effect.exit(call), { concurrency: "unbounded" })
      const refreshes = emulated.counts().refreshes - before
      const failed = exits.filter(Exit.isFailure).length
      yield* expect(refreshes === 1 && failed === 0, {
        expected: "A token that is over is renewed once, and every call goes through.",
        happened: `It was renewed ${refreshes} times, and ${failed} of ${exits.length} calls failed.`,
        advice: "An access token that is over has to be Unauthorized, in verify and in every other call."
      })
    }),
    // Who waits for another one's refresh does that for a while, which must not be over at once.
    "real"
  ),
  makeCheck(
    "a grant that is over is told from an outage",
    Effect.gen(function* () {
      const trial = yield* tryOAuth(open())
      if (Option.isNone(trial)) return "does not apply"
      const { emulated, endpoint, own, client, server } = trial.value
      const fields = yield* connected(trial.value)
      const refresh = Effect.result(endpoint.refresh(own, client, fields))
      const expectReason = (wanted: string, result: Result.Result<unknown, unknown>, when: string) => {
        const reason =
          Result.isFailure(result) && result.failure instanceof ProviderError ? result.failure.reason._tag : "nothing"
        return expect(reason === wanted, {
          expected: `A refresh is ${wanted} ${when}.`,
          happened: `It is ${reason}.`,
          advice: "Look at grantErrors, limits.throttled, and at what the emulator's token endpoint answers."
        })
      }
      const { pathname } = new URL(
        typeof own.oauth.tokenUrl === "string" ? own.oauth.tokenUrl : own.oauth.tokenUrl(fields)
      )
      server.inject({ when: ({ path }) => path === pathname, kind: { status: 503, body: "<html>down</html>" } })
      yield* expectReason("Unavailable", yield* refresh, "while the authorization server is down")
      server.heal()
      emulated.revokeAll(true)
      yield* expectReason("Unauthorized", yield* refresh, "when its user has withdrawn the access")
    })
  ),
  makeCheck(
    "ending a grant makes its tokens useless, and a second time is no error",
    Effect.gen(function* () {
      const trial = yield* tryOAuth(open())
      if (Option.isNone(trial) || trial.value.oauth.revocation === undefined) return "does not apply"
      const { emulator, endpoint, own, client, session } = trial.value
      const fields = yield* connected(trial.value)
      yield* endpoint.revoke(own, client, fields)
      yield* endpoint.revoke(own, client, fields)
      const isRefused = Exit.isFailure(yield* Effect.exit((yield* session(fields)).verify))
      const isOver = Exit.isFailure(yield* Effect.exit(endpoint.refresh(own, client, fields)))
      yield* expect(isRefused && isOver && emulator.revocations() === 1, {
        expected: "Revoking twice revokes once, and neither token works after it.",
        happened: `The emulator counts ${emulator.revocations()}; the access token ${isRefused ? "is refused" : "works"}, the refresh token ${isOver ? "is refused" : "works"}.`,
        advice: "Look at revocation, and at what the emulator counts."
      })
    })
  )
]

const isDeclared = ({ hosts }: Provider, address: string) => {
  const url = URL.parse(address)
  return (
    url !== null &&
    Object.values(hosts)
      .flat()
      .some((declared) => matches(declared, url))
  )
}
