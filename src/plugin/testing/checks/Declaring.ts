/** Checks of what a plugin declares: that it can work, and that its parts fit one another. */
import { DateTime, Effect, Option, Schema } from "effect"
import { SyncSettings } from "../../../domain/Integration.ts"
import type { Provider } from "../../Provider.ts"
import { type Check, expect, makeCheck } from "../Check.ts"
import type { Emulator } from "../Emulator.ts"
import type { OpenStand } from "../Stand.ts"
import { tryContacts } from "../Trial.ts"

export const declaringChecks = (open: OpenStand): ReadonlyArray<Check> => [
  makeCheck(
    "its declaration is one that can work",
    Effect.gen(function* () {
      const { provider, emulator } = yield* open()
      yield* expectTexts(provider)
      yield* expectHosts(provider, emulator)
      const taken = Object.keys(provider.settings.fields).filter((name) => name in SyncSettings.fields)
      yield* expect(taken.length === 0, {
        expected: "The settings of a plugin have names of their own.",
        happened: `Every integration has ${taken.join(", ")} already.`,
        advice: "Rename these settings."
      })
    })
  ),
  makeCheck(
    "it recognises throttled answers, and takes no other answer for one",
    Effect.gen(function* () {
      const { provider, emulator } = yield* open()
      yield* expectThrottled(provider, emulator)
    })
  ),
  makeCheck(
    "its default mapping aims at fields that the provider has",
    Effect.gen(function* () {
      const trial = yield* tryContacts(open())
      if (Option.isNone(trial)) return "does not apply"
      const { provider, contacts } = trial.value
      const fields = yield* contacts.describeFields
      const names = fields.map(({ name }) => name)
      const missing = Object.values(provider.contacts?.mapping ?? {}).filter((name) => !names.includes(name))
      yield* expect(missing.length === 0, {
        expected: "Every field of the default mapping is one that describeFields tells of.",
        happened: `It does not tell of ${missing.join(", ")}, only of ${names.join(", ")}.`,
        advice:
          "Correct the mapping, or let describeFields read the further pages too, and leave no writable field out."
      })
      yield* expect(new Set(names).size === names.length, {
        expected: "describeFields tells of each field once.",
        happened: "It told of one twice.",
        advice: "Leave out the second of two equal names."
      })
    })
  )
]

const expectTexts = ({ name, description, documentation, logo }: Provider) =>
  expect(
    [name, description].every((text) => text.trim() !== "") &&
      /^https:\/\/\S+$/.test(documentation) &&
      /^.{1,2}$/u.test(logo.monogram) &&
      /^#[0-9a-fA-F]{6}$/.test(logo.color),
    {
      expected:
        "A plugin introduces itself: name, description, an https link, a monogram of one or two letters, #rrggbb.",
      happened: "One of these is empty or of another form.",
      advice: "Look at name, description, documentation and logo."
    }
  )

const expectHosts = Effect.fnUntraced(function* ({ hosts }: Provider, emulator: Emulator) {
  const unknown = emulator.hosts.filter((name) => !(name in hosts))
  yield* expect(unknown.length === 0 && emulator.hosts.length > 0, {
    expected: "The emulator stands in for the plugin's hosts.",
    happened: `It names ${emulator.hosts.join(", ") || "none"}, and the plugin has ${Object.keys(hosts).join(", ")}.`,
    advice: "Give the emulator the names (not the addresses) of the plugin's hosts."
  })
})

const expectThrottled = Effect.fnUntraced(function* ({ limits }: Provider, emulator: Emulator) {
  const now = yield* DateTime.now
  const kindOf = (status: number, body: string, headers: Readonly<Record<string, string>> = {}) =>
    limits.throttled({ status, headers, body }, now)?.kind
  for (const status of [200, 400, 404]) {
    for (const body of ["", "{}", "[]", "null", "<html>"]) {
      yield* expect(kindOf(status, body) === undefined, {
        expected: `An answer with status ${status} and the body "${body}" is no throttled one.`,
        happened: "limits.throttled takes it for one.",
        advice: "Look at the status first, and at the body only where the provider says it there."
      })
    }
  }
  const { status, headers = {}, body = "" } = emulator.failures.throttled
  const lowerCase = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  const kind = kindOf(status, typeof body === "string" ? body : yield* toJson(body), lowerCase)
  yield* expect(kind === "rate", {
    expected: 'limits.throttled knows the emulator\'s throttled answer, as { kind: "rate" }.',
    happened: `It says ${kind ?? "that it is none"}.`,
    advice: "Make limits.throttled and the emulator's failures.throttled agree on how the provider throttles."
  })
})

const toJson = Schema.encodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))
