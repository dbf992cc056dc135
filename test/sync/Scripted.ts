import { Effect, Layer, Schema } from "effect"
import {
  type Outcome as Outcomes,
  type OutgoingContact,
  type ProviderError,
  plugin,
  text
} from "nexus-integrations/plugin"
import { NewIntegration, type Settings } from "../../src/domain/Integration.ts"
import { Integrations } from "../../src/integrations/Integrations.ts"
import { Outcome } from "../../src/plugin/Outcome.ts"
import { integratingLayer } from "../support/Integrating.ts"
import { actor } from "../support/People.ts"
import { Impatient } from "./Syncing.ts"

type Answer = Effect.Effect<ReadonlyArray<Outcomes>, ProviderError>
type Batch = ReadonlyArray<OutgoingContact>

/** What the provider ACME does next, and what it was asked: for what no emulator does. */
export interface Script {
  upsert: (batch: Batch) => Answer
  poll: (job: string, batch: Batch) => Answer
  remove: (batch: ReadonlyArray<{ readonly id: string; readonly email: string }>) => Answer
  /** What comes before the provider tells which fields it has. */
  beforeFields: Effect.Effect<void>
  /** Emails of each batch that was sent. */
  readonly sent: Array<ReadonlyArray<string>>
  /** What is at the provider, how often each was created. */
  readonly there: Map<string, number>
  /** The account that the credentials name. */
  readonly accounts: Array<string>
}

/** Creates what is not there, and finds the rest as it is. */
export const honest = ({ there }: Script, batch: Batch): ReadonlyArray<Outcomes> =>
  batch.map(({ email }) => {
    const times = there.get(email) ?? 0
    if (times > 0) return Outcome.Unchanged({ externalId: email })
    there.set(email, times + 1)
    return Outcome.Created({ externalId: email })
  })

/** A provider that does what the script says. */
export const scripted = (batchSize = 10) => {
  const script: Script = {
    upsert: (batch) => Effect.sync(() => honest(script, batch)),
    poll: (_, batch) => Effect.sync(() => honest(script, batch)),
    remove: (batch) => Effect.succeed(batch.map(({ email }) => Outcome.Updated({ externalId: email }))),
    beforeFields: Effect.void,
    sent: [],
    there: new Map(),
    accounts: []
  }
  const credentials = Schema.Struct({ account: text({ title: "Account", description: "Its name.", example: "one" }) })
  const settings = Schema.Struct({
    list: Schema.String.pipe(Schema.withDecodingDefaultKey(Effect.succeed("all")))
  })
  const acme = plugin({
    id: "ACME",
    name: "Acme",
    category: "crm",
    description: "Does as it is told.",
    documentation: "https://acme.example/docs",
    logo: { monogram: "A", color: "#336699" },
    contract: 1,
    hosts: { api: "https://api.acme.example" },
    credentials,
    settings,
    limits: { concurrency: 4, throttled: () => undefined },
    verify: ({ credentials: { account } }) => Effect.succeed({ id: account, label: account }),
    contacts: {
      batchSize,
      mapping: { email: "email", firstName: "first", lastName: "last" },
      describeFields: () =>
        Effect.as(
          Effect.suspend(() => script.beforeFields),
          ["email", "first", "last", "note"].map((name) => ({
            name,
            label: name,
            type: "text" as const,
            required: name === "last"
          }))
        ),
      upsert: ({ credentials: { account } }, batch) =>
        Effect.suspend(() => {
          script.sent.push(batch.map(({ email }) => email))
          script.accounts.push(account)
          return script.upsert(batch)
        }),
      poll: (_, job, batch) => Effect.suspend(() => script.poll(job, batch)),
      remove: (_, batch) => Effect.suspend(() => script.remove(batch))
    }
  })
  return { script, layer: integratingLayer(acme).pipe(Layer.provideMerge(Impatient)) }
}

/** Connects a user with an account at ACME. */
export const connectAcme = Effect.fnUntraced(function* (userId: string, settings: Settings = {}, account = "one") {
  const integrations = yield* Integrations
  const credentials = { account }
  return yield* integrations.connect(actor(userId), new NewIntegration({ provider: "ACME", credentials, settings }))
})
