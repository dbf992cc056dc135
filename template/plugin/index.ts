/** What the service loads, and what the conformance checks run. */
export { AcmePlugin } from "./Acme.ts"
export { AcmeEmulator } from "./Emulator.ts"
