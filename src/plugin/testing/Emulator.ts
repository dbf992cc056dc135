/** A stand-in for a provider, on loopback, with a memory. It serves the tests, the demo and authors of plugins. */
import type { EmulatedOAuth } from "./EmulatedOAuth.ts"

/** A request, as an emulator gets it. */
export interface EmulatedRequest {
  readonly method: string
  /** Without the query, percent-decoded nowhere: `/crm/v3/objects/contacts`. */
  readonly path: string
  readonly query: URLSearchParams
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** The host that the plugin asked for, before it was pointed here: `acme.my.salesforce.com`. */
  readonly host: string
  /** The body as UTF-8. */
  readonly body: string
  /** The body as it came. */
  readonly bytes: Uint8Array
  /** Whether the connection was cut before all of the body had come: the answer is lost. */
  readonly isPartial: boolean
  /** Milliseconds since 1970, for what expires and what is counted by the minute. */
  readonly now: number
}

/** An answer. A `body` that is a text goes out as it is, anything else as JSON; none without it. */
export interface EmulatedAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** A contact as the provider has it. */
export interface EmulatedContact {
  readonly id: string
  readonly email: string
  /** By the provider's field names, as values and not as ids of them. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly tags: ReadonlyArray<string>
}

/** A file as the provider has it. */
export interface EmulatedFile {
  readonly id: string
  readonly name: string
  /** The names of the folders that it lies in, from the outermost on. */
  readonly folder: ReadonlyArray<string>
  readonly mimeType: string
  readonly size: number
  /** Of its bytes, in lower-case hexadecimal. */
  readonly sha256: string
  /** Its bytes as UTF-8, of files up to 1 MiB; empty for larger ones. */
  readonly text: string
}

/** What a plugin's folder exports as a function that makes a new one: `export const HubSpotEmulator = () => …`. */
export interface Emulator {
  /** Names of the plugin's hosts that this server stands in for; all of its hosts, as a rule. */
  readonly hosts: ReadonlyArray<string>
  /** Credentials that it takes, as they are posted to `/integrations/connect`. */
  readonly credentials: Readonly<Record<string, string>>
  /** Credentials of the right form that it refuses; left out where the provider can't be asked about them. */
  readonly refused?: Readonly<Record<string, string>>
  /** Answers one request. Its state is its own; it never throws. */
  answer(request: EmulatedRequest): EmulatedAnswer
  /** What the provider answers when it throttles, when its own servers fail, and to credentials that are revoked. */
  readonly failures: {
    readonly throttled: EmulatedAnswer
    readonly unavailable: EmulatedAnswer
    readonly unauthorized: EmulatedAnswer
  }
  /** Makes the accepted credentials refused from now on, as a user does at the provider; `false` takes that back. */
  revokeAccess(revoked: boolean): void
  /** How often the credentials were revoked through the provider's API. Zero where it has no such call. */
  revocations(): number
  /** Only where the provider has contacts. */
  readonly contacts?: {
    /** All that are there. */
    all(): ReadonlyArray<EmulatedContact>
    /** Puts one there, as its user would have. */
    add(contact: { readonly email: string; readonly fields: Readonly<Record<string, unknown>> }): void
    /** A value of one of our fields that this provider refuses, for a batch with one bad record. */
    readonly refusedValue: { readonly field: ContactTextField; readonly value: string }
    /** Ends the background jobs that are running; only where the provider has some. */
    finishJobs?(): void
  }
  /** Only where the provider has files. */
  readonly files?: {
    /** All that are there and complete. */
    all(): ReadonlyArray<EmulatedFile>
    /** Whether the account has no room left. */
    fill(isFull: boolean): void
  }
  /** Only where the provider has OAuth. */
  readonly oauth?: EmulatedOAuth
}

type ContactTextField = "firstName" | "lastName" | "email" | "phone" | "company" | "jobTitle"

/** Helper for answers in JSON. */
export const json = (
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {}
): EmulatedAnswer => ({
  status,
  body,
  headers
})
