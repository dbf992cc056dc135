import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { OpenApi } from "effect/http-api"
import { Api } from "../../src/api/Api.ts"
import { examples } from "../../src/api/Examples.ts"
import { asProblem } from "../../src/api/Problem.ts"
import { InvalidRequest, InvalidRequestProblem } from "../../src/api/RequestErrors.ts"
import { BrowserSession } from "../../src/domain/BrowserSession.ts"
import { Integration } from "../../src/domain/Integration.ts"
import { OAuthAttempt, OAuthAuthorization } from "../../src/domain/OAuthAttempt.ts"
import { SyncAnswer, SyncRun } from "../../src/domain/Sync.ts"
import { WebhookNotFound } from "../../src/domain/WebhookErrors.ts"

describe("A problem", () => {
  it.effect("is what RFC 9457 says, and becomes the error again", () =>
    Effect.gen(function* () {
      const schema = WebhookNotFound.pipe(asProblem("WebhookNotFound", 404))
      const wire = yield* Schema.encodeEffect(schema)(new WebhookNotFound({ id: "w1" }))
      assert.deepStrictEqual(wire, {
        type: "urn:nexus:problem:webhook-not-found",
        title: "Webhook not found",
        status: 404,
        detail: "There is no webhook w1",
        id: "w1"
      })
      const error = yield* Schema.decodeEffect(schema)(wire)
      assert.instanceOf(error, WebhookNotFound)
      assert.strictEqual(error.id, "w1")
    })
  )

  it.effect("lists what is wrong with a request", () =>
    Effect.gen(function* () {
      const errors = [
        { path: "a", message: "A" },
        { path: "b", message: "B" }
      ]
      const wire = yield* Schema.encodeEffect(InvalidRequestProblem)(new InvalidRequest({ errors }))
      assert.deepInclude(wire, { status: 400, detail: 'a: A (and 1 more, see "errors")', errors })
    })
  )
})

describe("The OpenAPI document", () => {
  const document = OpenApi.fromApi(Api)
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    (["get", "post", "put", "patch", "delete"] as const).flatMap((method) => {
      const operation = item[method]
      return operation === undefined ? [] : [{ name: `${method} ${path}`, path, operation }]
    })
  )

  it("has every operation, each with an id of its own and a summary", () => {
    assert.strictEqual(operations.length, 55)
    assert.strictEqual(new Set(operations.map(({ operation }) => operation.operationId)).size, operations.length)
    for (const { name, operation } of operations) assert.isAbove(operation.summary?.length ?? 0, 10, name)
  })

  it("asks for the token wherever it is needed, and names the header of services there", () => {
    assert.deepInclude(document.components.securitySchemes.bearer, {
      type: "http",
      scheme: "Bearer",
      bearerFormat: "JWT"
    })
    assert.deepInclude(document.components.securitySchemes.session, {
      type: "apiKey",
      in: "cookie",
      name: "nexus-session"
    })
    for (const { name, path, operation } of operations) {
      const isOpen = ["/healthz", "/readyz", "/metrics", "/integrations/oauth/{slug}/callback"].includes(path)
      assert.deepStrictEqual(operation.security, isOpen ? [] : [{ bearer: [] }, { session: [] }], name)
      assert.strictEqual(JSON.stringify(operation.parameters).includes("NexusUser"), !isOpen, name)
      assert.strictEqual("401" in operation.responses, path === "/metrics" || !isOpen, name)
    }
  })

  it("describes every error as a problem", () => {
    for (const { name, path, operation } of operations) {
      assert.property(operation.responses, "default", name)
      for (const [status, response] of Object.entries(operation.responses)) {
        if (/^[23]/.test(status) || (path === "/readyz" && status === "503")) continue
        assert.deepStrictEqual(Object.keys(response.content ?? {}), ["application/problem+json"], `${name} ${status}`)
      }
    }
  })

  it("says of the documented operations of integrations where they answer otherwise", () => {
    const documented = { list: "••••", connect: "422", update: "fieldMapping", disconnect: "404", sync: "202" }
    for (const [name, fact] of Object.entries(documented)) {
      const found = operations.find(({ operation }) => operation.operationId === `integrations.${name}`)
      assert.include(found?.operation.description, fact, name)
    }
  })

  it("refers only to what it has", () => {
    const text = JSON.stringify(document)
    for (const [, kind = "", key = ""] of text.matchAll(/"#\/components\/(\w+)\/([^"]+)"/g)) {
      assert.property(Object.entries(document.components).find(([name]) => name === kind)?.[1], key)
    }
  })

  it.effect("has examples that are what the operations answer", () =>
    Effect.gen(function* () {
      const schemas = {
        "integrations.get": Integration,
        "integrations.connect": Integration,
        "integrations.update": Integration,
        "integrations.getSync": SyncRun,
        "integrations.sync": SyncAnswer,
        "oauth.authorize": OAuthAuthorization,
        "oauth.attempt": OAuthAttempt,
        "session.start": BrowserSession
      }
      for (const [name, schema] of Object.entries<Schema.Decoder<unknown>>(schemas)) {
        const { response } = examples[name] ?? {}
        yield* Schema.decodeUnknownEffect(schema, { onExcessProperty: "error" })(response)
      }
      const operationIds = operations.map(({ operation }) => operation.operationId)
      assert.includeMembers(operationIds, Object.keys(examples))
    })
  )

  it("has the idempotency key on every POST that creates", () => {
    const keyed = operations.filter(({ operation }) => JSON.stringify(operation.parameters).includes("idempotency-key"))
    assert.deepStrictEqual(keyed.map(({ name }) => name).sort(), [
      "post /contacts",
      "post /integrations/connect",
      "post /integrations/event-types",
      "post /integrations/events",
      "post /integrations/webhooks",
      "post /integrations/webhooks/{id}/replay",
      "post /integrations/webhooks/{id}/rotate-secret",
      "post /integrations/webhooks/{id}/test",
      "post /integrations/{provider}/export",
      "post /integrations/{provider}/sync"
    ])
  })
})
