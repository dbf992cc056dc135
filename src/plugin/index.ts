/** `nexus-integrations/plugin`: all that a plugin is written with. `src/plugin/README.md` is its manual. */
export { failureOf, readJson, retryAfter } from "./Answers.ts"
export { byHalves } from "./ByHalves.ts"
export { type FieldText, secret, text } from "./CredentialField.ts"
export { digest } from "./Digest.ts"
export type { ByteRange, Files, OutgoingFile, StoredFile, Upload } from "./Files.ts"
export type { Memory } from "./Memory.ts"
export { type OAuth, type Texts, tokenFields } from "./OAuth.ts"
export { Outcome } from "./Outcome.ts"
export { perConnection } from "./PerConnection.ts"
export { plugin } from "./Plugin.ts"
// Named by the type of what plugin(…) returns, which a plugin's own declarations repeat.
export type { PluginRegistry, PluginUnusable } from "./PluginRegistry.ts"
export type {
  Account,
  Answer,
  Category,
  Connection,
  ContactField,
  Contacts,
  FormSchema,
  Limits,
  OutgoingContact,
  ProviderDefinition,
  ProviderField,
  RemovedContact,
  Throttle
} from "./Provider.ts"
export {
  forbidden,
  misconfigured,
  ProviderError,
  quotaExhausted,
  rateLimited,
  rejected,
  unauthorized,
  unavailable
} from "./ProviderError.ts"
