/** How the OAuth of an emulated provider differs from that of others. */
import type { EmulatedAnswer } from "./Emulator.ts"

/** Tokens that are about to be given. */
export interface GivenTokens {
  readonly accessToken: string
  /** Left out where none is given. */
  readonly refreshToken?: string
  readonly scopes: ReadonlyArray<string>
  /** Seconds. */
  readonly expiresIn: number
  readonly isRefresh: boolean
}

/** How the provider's OAuth is. */
export interface EmulatedOAuthOptions {
  /** What its pages call it. */
  readonly name: string
  readonly authorizePath: string
  readonly tokenPath: string
  readonly client: { readonly id: string; readonly secret: string }
  readonly scopeSeparator?: ","
  /** Seconds that an access token lasts. */
  readonly lifetime: number
  /** Whether a verifier has to fit the challenge, where there was one. */
  readonly pkce: boolean
  /** Whether a refresh brings a new refresh token and ends the one before; using that again ends all. */
  readonly rotates?: boolean
  /** Whether an authorization brings a refresh token; by default it does. `isFirst`: the user never consented before. */
  readonly isOffline?: (query: URLSearchParams, isFirst: boolean) => boolean
  /** More parameters of the callback. */
  readonly callback?: Readonly<Record<string, string>>
  /** Makes a token; `n` is another number each time. */
  readonly make: (kind: "code" | "access" | "refresh", n: number) => string
  /** What the token endpoint answers; by default as RFC 6749, section 5.1 has it. */
  readonly answer?: (tokens: GivenTokens) => EmulatedAnswer
  /** What it answers when it refuses; by default 400 as RFC 6749, section 5.2 has it. */
  readonly refusal?: (error: string, why: Refusal) => EmulatedAnswer
}

/** Why the token endpoint refuses. */
export type Refusal = "client" | "code" | "redirect" | "verifier" | "refresh token" | "grant type"
