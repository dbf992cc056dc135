import { createServer } from "node:http"
import { assert, describe, it, layer } from "@effect/vitest"
import { Array as Arr, ConfigProvider, Deferred, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest, HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { HttpApiClient } from "effect/http-api"
import { Api } from "../../src/api/Api.ts"
import { DeadLetterNotFound } from "../../src/domain/DeadLetter.ts"
import { AcceptedEvent, InvalidEvent, NewEvent } from "../../src/domain/Event.ts"
import { ListenerLayer } from "../../src/http/HttpServer.ts"
import { TestApi } from "../support/TestApi.ts"

const listenerAt = (port: number | string, host = "127.0.0.1") =>
  ListenerLayer.pipe(
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ PORT: String(port), HOST: host })))
  )

/** A port that another program listens on while the scope is open. */
const takenPort = Effect.acquireRelease(
  Effect.callback<ReturnType<typeof createServer>>((resume) => {
    const server = createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
).pipe(
  Effect.map((server) => server.address()),
  Effect.flatMap((address) => Effect.fromNullishOr(typeof address === "string" ? null : address)),
  Effect.map(({ port }) => port)
)

describe("The listener", () => {
  it.live("says which port is taken, and what to do", () =>
    Effect.gen(function* () {
      const port = yield* takenPort
      const error = yield* Effect.flip(Layer.build(listenerAt(port)))
      assert.strictEqual(error._tag, "CannotListen")
      assert.strictEqual(error.message, `Port ${port} is taken by another program. Set PORT to a free one`)
    })
  )

  it.live("says that the machine has no such address", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Layer.build(listenerAt(0, "192.0.2.1")))
      assert.match(error.message, /^This machine has no address 192\.0\.2\.1\. Set HOST/)
    })
  )

  it.live("lets a request finish that is under way when it stops", () =>
    Effect.gen(function* () {
      const arrived = yield* Deferred.make<void>()
      const finish = yield* Deferred.make<void>()
      const slow = HttpRouter.add(
        "GET",
        "/slow",
        Deferred.succeed(arrived, undefined).pipe(
          Effect.andThen(Deferred.await(finish)),
          Effect.as(HttpServerResponse.text("done"))
        )
      )
      const scope = yield* Scope.make()
      const server = HttpRouter.serve(slow, { disableLogger: true, disableListenLog: true }).pipe(
        Layer.provideMerge(listenerAt(0))
      )
      const services = yield* Layer.buildWithScope(server, scope)
      const url = yield* Effect.provide(HttpServer.addressFormattedWith(Effect.succeed), services)
      const request = yield* Effect.forkChild(
        Effect.promise(() => fetch(`${url}/slow`, { headers: { connection: "close" } }).then((_) => _.text()))
      )
      yield* Deferred.await(arrived)
      const stopping = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* Effect.yieldNow
      yield* Deferred.succeed(finish, undefined)
      assert.strictEqual(yield* Fiber.join(request), "done")
      yield* Fiber.join(stopping)
      const refused = yield* Effect.promise(() =>
        fetch(`${url}/slow`).then(
          () => false,
          () => true
        )
      )
      assert.isTrue(refused)
    })
  )
})

layer(TestApi.layer(), { excludeTestServices: true })("The documentation", (it) => {
  it.effect("is served without a token, and asks nobody else for anything", () =>
    Effect.gen(function* () {
      const { ask } = yield* TestApi
      const document = yield* ask("GET", "/openapi.json", { token: "" })
      assert.strictEqual(document.status, 200)
      assert.strictEqual(document.json.info.title, "Nexus Integrations")
      assert.property(
        document.json.paths["/integrations/webhooks"].post.responses["201"].content["application/json"].example,
        "secret"
      )

      const docs = yield* ask("GET", "/docs", { token: "" })
      assert.strictEqual(docs.status, 200)
      assert.match(docs.headers.get("content-type") ?? "", /^text\/html/)
      assert.match(docs.headers.get("content-security-policy") ?? "", /default-src 'none'.*connect-src 'self'/)
      const links = Arr.fromIterable(docs.text.matchAll(/<(?:script|link|img)[^>]*(?:src|href)="(https?:)/g))
      assert.deepStrictEqual(links, [])
    })
  )
})

layer(TestApi.layer(), { excludeTestServices: true })("The typed client", (it) => {
  it.effect("gets values, pages and errors back as what they were", () =>
    Effect.gen(function* () {
      const { url, token } = yield* TestApi
      const bearer = yield* token("root", "admin")
      const client = yield* HttpApiClient.make(Api, {
        baseUrl: url,
        transformClient: HttpClient.mapRequest(HttpClientRequest.bearerToken(bearer))
      })
      const event = yield* client.events.emit({
        headers: {},
        payload: new NewEvent({ eventType: "CARD_VIEW", payload: {} })
      })
      assert.instanceOf(event, AcceptedEvent)
      assert.deepStrictEqual((yield* client.deadLetters.list({ query: { limit: 1 } })).body, [])
      const missing = yield* Effect.flip(client.deadLetters.get({ params: { id: "x" } }))
      assert.instanceOf(missing, DeadLetterNotFound)
      const wrong = new NewEvent({ eventType: "NO_SUCH", payload: {} })
      const refused = yield* Effect.flip(client.events.emit({ headers: {}, payload: wrong }))
      assert.instanceOf(refused, InvalidEvent)
      assert.strictEqual(refused.errors[0].path, "eventType")
    }).pipe(Effect.provide(FetchHttpClient.layer))
  )
})
