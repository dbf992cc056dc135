import { Effect, Option, Redacted } from "effect"
import { matches } from "../../Hosts.ts"
import { type Check, expect, makeCheck } from "../Check.ts"
import { bytesFile, keeping, LargeFile, small } from "../FileTrial.ts"
import type { OpenStand, Stand } from "../Stand.ts"
import { tryContacts } from "../Trial.ts"

export const reachingChecks = (open: OpenStand): ReadonlyArray<Check> => [
  makeCheck(
    "its requests go to the declared hosts alone, and all of these are emulated",
    Effect.gen(function* () {
      const stand = yield* open()
      yield* Effect.ignore(everything(stand))
      const { hosts } = stand.provider
      const emulated = Object.entries(hosts).flatMap(([name, declared]) =>
        stand.emulator.hosts.includes(name) ? [declared].flat() : []
      )
      const isIn = (patterns: ReadonlyArray<string>, address: string) => {
        const url = URL.parse(address)
        return url !== null && patterns.some((pattern) => matches(pattern, url))
      }
      const stray = stand.asked.find((url) => !isIn(emulated, url))
      const isDeclared = stray !== undefined && isIn(Object.values(hosts).flat(), stray)
      yield* expect(stray === undefined, {
        expected: "Every request goes to a host that the plugin declares and the emulator stands in for.",
        happened: `One goes to ${stray}.`,
        advice: isDeclared
          ? "Add the host's name to the emulator's hosts."
          : "Declare the host, or leave the request out."
      })
    })
  ),
  makeCheck(
    "its webhook's URL is an https address that is kept secret",
    Effect.gen(function* () {
      const { session, provider, server } = yield* open()
      const { webhook } = yield* session()
      if (!provider.hasWebhook || webhook === undefined) return "does not apply"
      const url = URL.parse(Redacted.value(webhook))
      // A declared host is pointed at the emulator; any other address is as the plugin gave it.
      const isSecure = url?.protocol === "https:" || url?.origin === server.url
      yield* expect(isSecure && url?.username === "" && url?.password === "", {
        expected: "webhook gives an https URL without a user's name and password.",
        happened: "It gives another address.",
        advice: "Check the URL with the pattern of its field of the connect form."
      })
    })
  )
]

/** All that a plugin does, once, until something fails. */
const everything = Effect.fnUntraced(function* (stand: Stand) {
  const { verify, contacts, files, revoke } = yield* stand.session()
  yield* verify
  const trial = yield* tryContacts(Effect.succeed(stand))
  if (contacts !== undefined && Option.isSome(trial)) {
    const batch = trial.value.some([1, 2])
    yield* contacts.describeFields
    yield* trial.value.bring(batch)
    if (contacts.remove !== undefined) yield* contacts.remove(batch)
  }
  if (files !== undefined) {
    for (const size of [small, yield* LargeFile]) yield* files.put(bytesFile(`reach-${size}.csv`, size), keeping())
  }
  if (revoke !== undefined) yield* revoke
})
