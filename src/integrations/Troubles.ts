import type { TroubleKind } from "../domain/Integration.ts"
import type { Provider } from "../plugin/Provider.ts"
import type { ProviderError, Reason } from "../plugin/ProviderError.ts"
import type { Trouble } from "./IntegrationRepo.ts"

/** What is wrong and what to do, as the integration's user reads it. */
export const troubleOf = ({ name }: Pick<Provider, "name">, { reason, detail }: ProviderError): Trouble => {
  const what = `${happened(name, reason)}: ${detail.replace(/[.\s]+$/, "")}`
  return { kind: reason._tag, what, sentence: `${what}. ${advice(reason)}` }
}

const happened = (name: string, reason: Reason): string => {
  switch (reason._tag) {
    case "Unauthorized":
      return `${name} refuses the credentials`
    case "Forbidden":
      return `${name} does not allow this`
    case "Rejected":
      return `${name} refuses what was sent`
    case "RateLimited":
      return `${name} asks to slow down`
    case "QuotaExhausted":
      return `The allowance at ${name} is used up`
    case "Unavailable":
      return `${name} does not work at the moment`
    case "Misconfigured":
      return `Something has to be set up differently for ${name}`
  }
}

const advice = (reason: Reason): string => {
  switch (reason._tag) {
    case "Unauthorized":
      return "Connect again with new ones"
    case "Forbidden":
      return `Give the credentials ${reason.missing}, then connect again`
    case "Rejected":
    case "Misconfigured":
      return "Change that, then connect again, or verify the connection that there is"
    case "RateLimited":
    case "Unavailable":
      return "It is tried again by itself"
    case "QuotaExhausted":
      return "Wait until it is renewed, or enlarge the plan there"
  }
}

/** What is wrong when the webhook that an integration manages was disabled, and `reason` says why. */
export const eventsStopped = ({ id, name }: Pick<Provider, "id" | "name">, reason: string | null): Trouble => {
  const what = `${name} gets no more events: ${(reason ?? "its webhook was disabled").replace(/[.\s]+$/, "")}`
  const todo = `Mend that there, then send PATCH /integrations/${id} {"status": "ACTIVE"}: what was held is sent then`
  return { kind: "Misconfigured", what, sentence: `${what}. ${todo}` }
}

/** Whether the trouble may be over without anybody doing something. */
export const passes = (kind: TroubleKind): boolean =>
  kind === "Unavailable" || kind === "RateLimited" || kind === "QuotaExhausted"
