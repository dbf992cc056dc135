import type { Layer } from "effect"
import type { PluginRegistry } from "../PluginRegistry.ts"
import type { Check } from "./Check.ts"
import { declaringChecks } from "./checks/Declaring.ts"
import { endingChecks } from "./checks/Ending.ts"
import { faultChecks } from "./checks/Faults.ts"
import { formChecks } from "./checks/Forms.ts"
import { grantingChecks } from "./checks/Granting.ts"
import { reachingChecks } from "./checks/Reaching.ts"
import { rejectingChecks } from "./checks/Rejecting.ts"
import { resumingChecks } from "./checks/Resuming.ts"
import { secretChecks } from "./checks/Secrets.ts"
import { storingChecks } from "./checks/Storing.ts"
import { upsertingChecks } from "./checks/Upserting.ts"
import { verifyingChecks } from "./checks/Verifying.ts"
import type { Emulator } from "./Emulator.ts"
import { standsOf } from "./Stand.ts"

/**
 * The checks that every plugin has to pass, each of which puts one promise of the contract to the test, against a new
 * emulator on loopback. They need no test runner:
 *
 * ```ts
 * for (const { name, run } of conformance(AcmePlugin, AcmeEmulator)) it.live(name, () => run)
 * ```
 *
 * They see waiting without waiting, because they run on a clock that jumps; requests are real.
 */
export const conformance = <E>(
  plugin: Layer.Layer<never, E, PluginRegistry>,
  makeEmulator: () => Emulator
): ReadonlyArray<Check> => {
  const open = standsOf(plugin, makeEmulator)
  return [
    declaringChecks,
    formChecks,
    verifyingChecks,
    secretChecks,
    upsertingChecks,
    rejectingChecks,
    faultChecks,
    endingChecks,
    grantingChecks,
    storingChecks,
    resumingChecks,
    reachingChecks
  ].flatMap((checks) => checks(open))
}
