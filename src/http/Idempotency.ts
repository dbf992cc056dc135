import { createHash } from "node:crypto"
import { Effect, Layer, Redacted, Schema } from "effect"
import { HttpEffect, HttpServerRequest, HttpServerResponse } from "effect/http"
import { CurrentUser } from "../api/Authentication.ts"
import { IdempotencyKeyReused, RequestInProgress } from "../api/RequestErrors.ts"
import { Idempotency, IdempotencyKey } from "../api/RequestRules.ts"
import { Vault } from "../vault/Vault.ts"
import { IdempotencyRepo, type KeyOfUser } from "./IdempotencyRepo.ts"

/** What is kept of an answer. It may hold a webhook's secret, so it is sealed. */
const Answer = Schema.fromJsonString(
  Schema.Struct({
    contentType: Schema.String,
    headers: Schema.Record(Schema.String, Schema.String),
    body: Schema.String
  })
)
const encodeAnswer = Schema.encodeEffect(Answer)
const decodeAnswer = Schema.decodeEffect(Answer)

const isKey = Schema.is(IdempotencyKey)
const keptHeaders = ["location", "link"]
/** What a caller should wait, in seconds, while the first request runs. */
const retryAfter = 1

const binding = ({ userId, key }: KeyOfUser) => ({
  table: "idempotency_key",
  row: key,
  user: userId,
  provider: "",
  field: "response_body"
})

/** Keeps the answers of requests with a key, and gives them again instead of doing something twice. */
export const IdempotencyLayer = Layer.effect(
  Idempotency,
  Effect.gen(function* () {
    const repo = yield* IdempotencyRepo
    const vault = yield* Vault

    const keep = Effect.fnUntraced(
      function* (key: KeyOfUser, claimedAt: Date, response: HttpServerResponse.HttpServerResponse) {
        const { body, headers, status } = response
        if (body._tag !== "Uint8Array") return yield* Effect.die(new Error(`A ${body._tag} body can't be kept`))
        const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => keptHeaders.includes(name)))
        const answer = yield* encodeAnswer({
          contentType: body.contentType,
          headers: kept,
          body: new TextDecoder().decode(body.body)
        })
        yield* repo.answer(key, claimedAt, status, yield* vault.seal(Redacted.make(answer), binding(key)))
      },
      Effect.catch((error) => Effect.logError("An answer could not be kept for repeated requests", error))
    )

    const replay = Effect.fnUntraced(function* (
      key: KeyOfUser,
      status: number,
      sealed: Parameters<typeof vault.open>[0]
    ) {
      const { contentType, headers, body } = yield* decodeAnswer(
        Redacted.value(yield* vault.open(sealed, binding(key)))
      )
      return HttpServerResponse.text(body, {
        status,
        contentType,
        headers: { ...headers, "idempotency-replayed": "true" }
      })
    }, Effect.orDie)

    return Idempotency.of(
      Effect.fnUntraced(
        function* (httpEffect) {
          const request = yield* HttpServerRequest.HttpServerRequest
          const header = request.headers["idempotency-key"]
          // One that is no key is refused where headers are decoded.
          if (header === undefined || !isKey(header)) return yield* httpEffect
          const { userId } = yield* CurrentUser
          const key = { userId, key: header }
          const hash = hashOf(request.method, request.url, yield* Effect.orDie(request.text))
          const entry = yield* Effect.orDie(repo.claim(key, hash))
          if (entry._tag === "Claimed") {
            const release = Effect.ignore(repo.release(key, entry.claimedAt))
            const response = yield* Effect.onError(httpEffect, () => release)
            yield* response.status < 300 ? keep(key, entry.claimedAt, response) : release
            return response
          }
          if (entry.requestHash !== hash) return yield* new IdempotencyKeyReused({})
          if (entry._tag === "Answered") return yield* replay(key, entry.status, entry.answer)
          yield* wait
          return yield* new RequestInProgress({ retryAfter })
        },
        // Once begun it goes on to its end, even when the caller hangs up: they will ask again with the same key.
        Effect.uninterruptible
      )
    )
  })
)

const wait = HttpEffect.appendPreResponseHandler((_, response) =>
  Effect.succeed(HttpServerResponse.setHeader(response, "retry-after", String(retryAfter)))
)

const hashOf = (method: string, url: string, body: string) =>
  createHash("sha256").update(`${method} ${url}\n`).update(body).digest("hex")
