import { Console, DateTime, Effect, Layer, Queue, Redacted } from "effect"
import { Command, Flag } from "effect/cli"
import { HttpServer, HttpServerRequest, HttpServerResponse } from "effect/http"
import { UserId } from "../domain/Ids.ts"
import { NewWebhook } from "../domain/Webhook.ts"
import { LeaseRepo } from "../webhooks/LeaseRepo.ts"
import { verify } from "../webhooks/Verify.ts"
import { Webhooks } from "../webhooks/Webhooks.ts"
import { untilStopped } from "./Stopped.ts"

/** What came in: the request as a consumer sees it. */
interface Arrival {
  readonly headers: Record<string, string>
  readonly body: string
}

const registered = Effect.fnUntraced(function* (userId: UserId, url: string, events: ReadonlyArray<string>) {
  const webhooks = yield* Webhooks
  const actor = { userId, actor: userId, address: null }
  const { webhook, secret } = yield* Effect.acquireRelease(
    webhooks.create(actor, NewWebhook.make({ url, events: [...events], description: "nexus webhooks listen" })),
    ({ webhook }) =>
      webhooks
        .delete(actor, webhook.id)
        .pipe(
          Effect.catch((error) =>
            Console.error(`The webhook ${webhook.id} could not be unregistered: ${error.message}`)
          )
        )
  )
  return { id: webhook.id, secret }
})

const print = Effect.fnUntraced(function* ({ headers, body }: Arrival, secret: Redacted.Redacted<string>) {
  const at = DateTime.formatIso(yield* DateTime.now)
  const result = yield* Effect.promise(() => verify({ headers, body, secret: Redacted.value(secret) }))
  const mark = result.ok ? "verified" : `NOT VERIFIED (${result.message})`
  yield* Console.log(`${at}  ${mark}  ${headers["x-webhook-event"]}  ${headers["webhook-id"]}\n  ${body}`)
})

const listen = Command.make(
  "listen",
  {
    user: Flag.String("user").pipe(Flag.withDescription("The user whose events to receive"), Flag.withSchema(UserId)),
    events: Flag.String("event").pipe(
      Flag.withDescription('An event type to receive; may be given several times; "*" by default'),
      Flag.atLeast(0)
    )
  },
  Effect.fn(function* ({ user, events }) {
    const arrivals = yield* Queue.bounded<Arrival>(1000)
    yield* HttpServer.serve(
      Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        yield* Queue.offer(arrivals, { headers: { ...request.headers }, body: yield* request.text })
        return HttpServerResponse.empty({ status: 200 })
      })
    ).pipe(Layer.launch, Effect.forkScoped)
    const { address } = yield* HttpServer.HttpServer
    const url = `http://127.0.0.1:${address._tag === "InetAddressV4" ? address.port : 0}/`
    const { id, secret } = yield* registered(user, url, events.length === 0 ? ["*"] : events).pipe(
      Effect.catchTag("InvalidWebhook", (error) =>
        Effect.andThen(
          Console.error(
            "This machine can be listened on in development, or with NEXUS_EGRESS_ALLOW=127.0.0.0/8 here and where nexus serve runs."
          ),
          error
        )
      )
    )
    yield* Console.log(`Webhook ${id} of ${user} sends ${events.join(", ") || "all events"} to ${url}`)
    const dispatchers = yield* (yield* LeaseRepo).live.pipe(Effect.orElseSucceed(() => 0))
    if (dispatchers === 0)
      yield* Console.error("No dispatcher is running, so nothing will come: start one with npm start")
    yield* Console.log("Waiting for events; Ctrl-C unregisters the webhook and ends.")
    return yield* Queue.take(arrivals).pipe(
      Effect.flatMap((arrival) => print(arrival, secret)),
      Effect.forever,
      untilStopped
    )
  }, Effect.scoped)
).pipe(Command.withDescription("Receive a user's events here, verify and print them, until Ctrl-C"))

/** `nexus webhooks`. */
export const webhooks = Command.make("webhooks").pipe(
  Command.withDescription("Webhooks of a user"),
  Command.withSubcommands([listen])
)
