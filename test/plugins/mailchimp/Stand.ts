import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { Outcome } from "nexus-integrations/plugin"
import { type EmulatedRequest, exampleContact, makeStand } from "nexus-integrations/plugin/testing"
import { MailchimpEmulator } from "../../../plugins/mailchimp/Emulator.ts"
import { MailchimpPlugin } from "../../../plugins/mailchimp/Mailchimp.ts"

/** A stand with an emulator of its own, and a session open on it. */
export const upserting = Effect.gen(function* () {
  const emulator = MailchimpEmulator()
  const stand = yield* makeStand(MailchimpPlugin, () => emulator)
  const { contacts } = yield* stand.session()
  assert.isDefined(contacts)
  const example = (n: number, fields?: Readonly<Record<string, string>>) => exampleContact(stand.provider, n, fields)
  return { ...stand, emulator, contacts, example }
})

export const tags = (outcomes: ReadonlyArray<Outcome>) => outcomes.map(({ _tag }) => _tag)

/** The path of the emulator's audience. */
export const list = "/3.0/lists/a1b2c3d4e5"

export const calls = (requests: ReadonlyArray<EmulatedRequest>) =>
  requests.map(({ method, path }) => `${method} ${path}`)

export const bodyOf = (request: EmulatedRequest | undefined): unknown => JSON.parse(request?.body ?? "null")
