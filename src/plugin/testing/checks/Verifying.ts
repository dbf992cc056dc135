/** Checks of verify, and of what happens to good credentials that are refused later. */
import { Effect, Equal, Option } from "effect"
import type { ProviderError, Reason } from "../../ProviderError.ts"
import { type Check, CheckFailed, expect, makeCheck } from "../Check.ts"
import type { EmulatedRequest } from "../Emulator.ts"
import type { Fault } from "../EmulatorServer.ts"
import { bytesFile, keeping, small } from "../FileTrial.ts"
import type { OpenStand, Stand } from "../Stand.ts"
import { nth, tryContacts } from "../Trial.ts"

export const verifyingChecks = (open: OpenStand): ReadonlyArray<Check> => [
  makeCheck(
    "verify names the account, the same one each time",
    Effect.gen(function* () {
      const { session } = yield* open()
      const first = yield* (yield* session()).verify
      const second = yield* (yield* session()).verify
      yield* expect(first.id.trim() !== "" && first.label.trim() !== "", {
        expected: "verify gives the id and the label of the account.",
        happened: "One of them is empty.",
        advice: "Read both from an answer; a label that may be missing needs another to take its place."
      })
      yield* expect(Equal.equals({ ...first }, { ...second }), {
        expected: "verify gives the same account each time.",
        happened: `It gave ${first.id} (${first.label}), then ${second.id} (${second.label}).`,
        advice: "Take an id that never changes: a change of it forgets all that was synced."
      })
    })
  ),
  makeCheck(
    "verify changes nothing at the provider",
    Effect.gen(function* () {
      const { session, server, emulator } = yield* open()
      const before = emulator.contacts?.all()
      yield* (yield* session()).verify
      const writes = server.requests.filter(({ method }) => !["GET", "HEAD", "POST"].includes(method))
      yield* expect(writes.length === 0, {
        expected: "verify only reads.",
        happened: `It sent ${writes.map(line).join(", ")}.`,
        advice: "Prove the credentials with a GET."
      })
      yield* expect(Equal.equals(before, emulator.contacts?.all()) && emulator.revocations() === 0, {
        expected: "verify only reads.",
        happened: "The emulator's contacts, or its credentials, are others than before.",
        advice: "Prove the credentials with a GET."
      })
    })
  ),
  makeCheck(
    "refused credentials are told from an outage",
    Effect.gen(function* () {
      const { session, emulator, server } = yield* open()
      const { verify } = yield* session()
      if (emulator.refused === undefined) return "does not apply"
      const { reason, detail } = yield* failing(
        "verify of refused credentials",
        (yield* session(emulator.refused)).verify
      )
      yield* expect(["Unauthorized", "Forbidden", "Misconfigured"].includes(reason._tag), {
        expected: "Refused credentials are Unauthorized, Forbidden or Misconfigured.",
        happened: `verify failed with ${reason._tag}: ${detail}.`,
        advice: "Read the status and the error of the answer; only an outage is Unavailable."
      })
      for (const [what, kind] of outages(emulator)) {
        server.inject({ kind })
        yield* expectReason("Unavailable", `verify during an outage (${what})`, verify)
      }
    })
  ),
  makeCheck(
    "an outage during a sync is told at once, and not retried by the plugin",
    Effect.gen(function* () {
      const trial = yield* tryContacts(open())
      if (Option.isNone(trial)) return "does not apply"
      const { contacts, server, emulator, some } = trial.value
      for (const [what, kind] of outages(emulator)) {
        const from = server.requests.length
        server.inject({ kind, when: nth(0) })
        yield* expectReason("Unavailable", `upsert during an outage (${what})`, contacts.upsert(some([1, 2])))
        const lines = server.requests.slice(from).map(shownRequest)
        const [failed] = lines
        yield* expect(lines.filter((sent) => sent === failed).length === 1, {
          expected: "A plugin never retries: the service does, for all of them alike.",
          happened: "The request that failed was sent a second time.",
          advice: "Let the call fail with Unavailable."
        })
      }
    })
  ),
  makeCheck(
    "credentials that are revoked later are Unauthorized in every call",
    Effect.gen(function* () {
      const stand = yield* open()
      const { session, emulator } = stand
      if (emulator.refused === undefined) return "does not apply"
      const { verify, contacts, files } = yield* session()
      yield* verify
      emulator.revokeAccess(true)
      yield* expectReason("Unauthorized", "verify with revoked credentials", verify)
      if (files !== undefined) {
        const put = files.put(bytesFile("revoked.csv", small), keeping())
        yield* expectReason("Unauthorized", "put with revoked credentials", put)
      }
      if (contacts === undefined) return
      const trial = yield* tryContacts(Effect.succeed(stand))
      if (Option.isNone(trial)) return
      const batch = trial.value.some([1, 2])
      yield* expectReason("Unauthorized", "upsert with revoked credentials", contacts.upsert(batch))
      const { remove } = contacts
      if (remove === undefined) return
      const gone = batch.map((contact, index) => ({ ...contact, externalId: `${index + 1}` }))
      yield* expectReason("Unauthorized", "remove with revoked credentials", remove(gone))
    })
  )
]

const line = ({ method, path }: EmulatedRequest) => `${method} ${path}`

/** All that tells a request from another one. */
export const shownRequest = (request: EmulatedRequest) => `${line(request)} ${request.query} ${request.body}`

/** Ways in which a provider is out of order. */
export const outages = (emulator: Stand["emulator"]): ReadonlyArray<readonly [string, Fault["kind"]]> => [
  ["an answer of the provider's broken servers", emulator.failures.unavailable],
  ["a connection that was cut", "cut"],
  [
    "a page that is no JSON",
    { status: 200, body: "<html>Maintenance</html>", headers: { "content-type": "text/html" } }
  ]
]

/** The error of a call that has to fail. */
const failing = <A, R>(
  what: string,
  call: Effect.Effect<A, ProviderError, R>
): Effect.Effect<ProviderError, CheckFailed, R> =>
  Effect.flip(call).pipe(
    Effect.mapError(
      () =>
        new CheckFailed({
          expected: `A ${what} fails.`,
          happened: "It succeeded.",
          advice: "Look at the status of every answer before you go on."
        })
    )
  )

/** Fails unless a call fails with this reason. `what` is the call, as `verify of revoked credentials`. */
export const expectReason = <A, R>(tag: Reason["_tag"], what: string, call: Effect.Effect<A, ProviderError, R>) =>
  Effect.flatMap(failing(what, call), ({ reason, detail }) =>
    expect(reason._tag === tag, {
      expected: `A ${what} fails with ${tag}.`,
      happened: `It failed with ${reason._tag}: ${detail}.`,
      advice: "Look at what the plugin makes of that answer; failureOf(status, detail) is a sensible start."
    })
  )
