import { randomBytes } from "node:crypto"
import { ConfigProvider, Context, Effect, Layer, Logger, Redacted } from "effect"
import { HttpServer } from "effect/http"
import { ContactExport } from "../../src/contacts/ContactExport.ts"
import { ContactImport } from "../../src/contacts/ContactImport.ts"
import { ContactRepo } from "../../src/contacts/ContactRepo.ts"
import { Contacts } from "../../src/contacts/Contacts.ts"
import { Principal, type TokenScope } from "../../src/domain/Principal.ts"
import { HttpServerLayer } from "../../src/http/HttpServer.ts"
import { Tokens } from "../../src/http/Tokens.ts"
import { DeadLetterRepo } from "../../src/outbox/DeadLetterRepo.ts"
import { DeadLetters } from "../../src/outbox/DeadLetters.ts"
import { EmitRepo } from "../../src/outbox/EmitRepo.ts"
import { Events } from "../../src/outbox/Events.ts"
import { EventTypeRepo } from "../../src/outbox/EventTypeRepo.ts"
import { EventTypes } from "../../src/outbox/EventTypes.ts"
import { AuditLog } from "../../src/telemetry/AuditLog.ts"
import { AuditRepo } from "../../src/telemetry/AuditRepo.ts"
import { GaugeRepo } from "../../src/telemetry/GaugeRepo.ts"
import { IntegratingLayer } from "./Integrating.ts"

/** A request as a test writes it. `body` is sent as JSON unless it is a text or bytes. */
export interface Ask {
  readonly token?: string | undefined
  readonly headers?: Record<string, string>
  readonly body?: unknown
}

/** An answer with its body read; `json` is undefined when it is none. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it, and fail where it is something else
  readonly json: any
}

/** The API on a port of its own, with a real database behind it. */
export class TestApi extends Context.Service<
  TestApi,
  {
    readonly url: string
    /** What the server logged so far, a JSON text for each line. */
    readonly logs: ReadonlyArray<string>
    /** A valid token. */
    token(userId: string, ...scopes: ReadonlyArray<TokenScope>): Effect.Effect<string>
    /** Sends a request, by default as the user `user-123`; `token: ""` sends none. */
    ask(method: string, path: string, ask?: Ask): Effect.Effect<Answer>
  }
>()("nexus/test/TestApi") {
  /**
   * @param variables environment variables beside those that the server needs
   * @param integrating what it knows of integrations; by default with the plugins that come with the service
   */
  static readonly layer = (
    variables: Readonly<Record<string, string>> = {},
    integrating: typeof IntegratingLayer = IntegratingLayer
  ) => {
    const environment = ConfigProvider.layer(
      ConfigProvider.fromUnknown({ PORT: "0", JWT_SECRET: randomBytes(48).toString("base64"), ...variables })
    )
    const services = Layer.mergeAll(
      Events.layer,
      EventTypes.layer,
      DeadLetters.layer,
      AuditLog.layer,
      Contacts.layer,
      ContactImport.layer,
      ContactExport.layer
    ).pipe(
      Layer.provide([ContactRepo.layer, EmitRepo.layer, EventTypeRepo.layer, DeadLetterRepo.layer, AuditRepo.layer])
    )
    const tokens = Tokens.layer(() => Promise.reject(new Error("No request is expected")))
    const logs: Array<string> = []
    const logger = Logger.layer([Logger.map(Logger.formatJson, (line) => logs.push(line))])
    return Layer.effect(TestApi, make(logs)).pipe(
      Layer.provideMerge(HttpServerLayer),
      Layer.provideMerge(Layer.mergeAll(services, tokens, GaugeRepo.layer)),
      Layer.provideMerge(integrating),
      Layer.provide([environment, logger])
    )
  }
}

const make = Effect.fnUntraced(function* (logs: ReadonlyArray<string>) {
  const { address } = yield* HttpServer.HttpServer
  const tokens = yield* Tokens
  const url = HttpServer.formatAddress(address)

  const token = (userId: string, ...scopes: ReadonlyArray<TokenScope>) =>
    tokens.issue(new Principal({ userId, scopes }), "1 hour").pipe(Effect.map(Redacted.value), Effect.orDie)
  const usual = yield* token("user-123")

  return TestApi.of({
    url,
    logs,
    token,
    ask: (method, path, { token = usual, headers = {}, body } = {}) =>
      Effect.promise(async () => {
        const isRaw = typeof body === "string" || body instanceof Uint8Array || body instanceof ReadableStream
        const response = await fetch(url + path, {
          method,
          headers: {
            ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
            ...(body === undefined ? {} : { "content-type": "application/json" }),
            ...headers
          },
          ...(body === undefined ? {} : { body: isRaw ? body : JSON.stringify(body) }),
          ...(body instanceof ReadableStream ? { duplex: "half" } : {})
        })
        const text = await response.text()
        const isJson = /json/.test(response.headers.get("content-type") ?? "")
        return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined }
      })
  })
})
