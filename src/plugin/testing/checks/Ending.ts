/** Checks of what ends at the provider: contacts that are removed, credentials that are revoked. */
import { Effect, Option } from "effect"
import { type Check, expect, makeCheck } from "../Check.ts"
import type { OpenStand } from "../Stand.ts"
import { inBatches, shown, tryContacts } from "../Trial.ts"

export const endingChecks = (open: OpenStand): ReadonlyArray<Check> => [
  makeCheck(
    "removed contacts are gone, the others stay, and a contact that is not there is no error",
    Effect.gen(function* () {
      const trial = yield* tryContacts(open())
      if (Option.isNone(trial)) return "does not apply"
      const { bring, some, there, contacts, expectOnce, provider } = trial.value
      const { remove } = contacts
      if (remove === undefined) return "does not apply"
      const batch = some([1, 2, 3])
      const outcomes = yield* bring(batch)
      const known = batch.map((contact, index) => {
        const outcome = outcomes[index]
        const externalId = outcome !== undefined && "externalId" in outcome ? outcome.externalId : null
        return { id: contact.id, email: contact.email, externalId }
      })
      const [first, second, ...staying] = known
      const stranger = some([9]).map(({ id, email }) => ({ id, email, externalId: null }))
      const leaving = [...(first === undefined ? [] : [first]), ...stranger, ...(second === undefined ? [] : [second])]
      for (const what of ["Contacts that are removed", "Contacts that are removed a second time"]) {
        const removed = yield* inBatches(provider, leaving, remove)
        there.finishJobs?.()
        yield* expect(
          removed.every(({ _tag }) => _tag === "Updated" || _tag === "Unchanged"),
          {
            expected: `${what} are Updated or Unchanged, whether they are there or not.`,
            happened: `The outcomes are ${shown(removed)}.`,
            advice: "Take the provider's 'not found' for a success."
          }
        )
      }
      const left = there.all().map(({ email }) => email.toLowerCase())
      const remaining = leaving.filter(({ email }) => left.includes(email))
      yield* expect(remaining.length === 0, {
        expected: "A removed contact is gone from where this integration put it.",
        happened: `${remaining.map(({ email }) => email).join(", ")} is still there.`,
        advice: "Look at the requests of remove, and at what the emulator makes of them."
      })
      yield* expectOnce(
        batch.filter(({ id }) => staying.some((contact) => contact.id === id)),
        "after others were removed"
      )
    })
  ),
  makeCheck(
    "revoke revokes the credentials once, and a second time is no error",
    Effect.gen(function* () {
      const { session, emulator, provider } = yield* open()
      const { revoke, verify } = yield* session()
      if (revoke === undefined || !provider.canRevoke) return "does not apply"
      yield* revoke
      const once = emulator.revocations()
      yield* revoke
      yield* expect(once === 1 && emulator.revocations() === 1, {
        expected: "Revoking twice revokes once.",
        happened: `The emulator counts ${once} revocations after the first call, ${emulator.revocations()} after the second.`,
        advice: "Look at the call that revokes, and at what the emulator counts."
      })
      const isRefused = yield* Effect.match(verify, { onSuccess: () => false, onFailure: () => true })
      yield* expect(isRefused, {
        expected: "Revoked credentials are refused.",
        happened: "verify succeeds with them.",
        advice: "Revoke the very credentials that the integration has."
      })
    })
  )
]
