/** The checks that every plugin has to pass. Add what only this provider does, through makeStand. */
import { test } from "node:test"
import { Effect } from "effect"
import { conformance } from "nexus-integrations/plugin/testing"
import { AcmeEmulator, AcmePlugin } from "../index.ts"

for (const { name, run } of conformance(AcmePlugin, AcmeEmulator)) test(name, () => Effect.runPromise(run))
