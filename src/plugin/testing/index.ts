/** `nexus-integrations/plugin/testing`: emulators of providers, and the checks that every plugin has to pass. */
export { type Check, CheckFailed, type Verdict } from "./Check.ts"
export { conformance } from "./Conformance.ts"
export { type Consent, type EmulatedOAuth, emulatedOAuth } from "./EmulatedOAuth.ts"
export type { EmulatedOAuthOptions, GivenTokens, Refusal } from "./EmulatedOAuthOptions.ts"
export {
  type EmulatedAnswer,
  type EmulatedContact,
  type EmulatedFile,
  type EmulatedRequest,
  type Emulator,
  json
} from "./Emulator.ts"
export { type Fault, type RunningEmulator, startEmulator } from "./EmulatorServer.ts"
export { type IncomingFile, incomingFile } from "./IncomingFile.ts"
export { makeJumpingClock } from "./JumpingClock.ts"
export { exampleContact, makeStand, type Stand } from "./Stand.ts"
