import { Clock, Crypto, Effect } from "effect"
import { AttemptId } from "../domain/Ids.ts"

const bytesPerId = 10
const idsPerDraw = 256

/**
 * Makes the ids of attempts: UUIDv7 (RFC 9562, section 5.7), as every attempt needs one. The random bits are drawn for
 * many at once: drawing them for each, through `randomUUIDv7`, was 6% of what a delivery costs.
 */
export const makeAttemptIds = Effect.gen(function* () {
  const crypto = yield* Crypto.Crypto
  const clock = yield* Clock.Clock
  let random = Buffer.alloc(0)
  let used = 0

  const next = () => {
    const bits = random.toString("hex", used, used + bytesPerId)
    const variant = "89ab"[(random[used + bytesPerId - 1] ?? 0) & 3]
    used += bytesPerId
    const time = clock.currentTimeMillisUnsafe().toString(16).padStart(12, "0")
    return AttemptId.make(
      `${time.slice(0, 8)}-${time.slice(8)}-7${bits.slice(0, 3)}-${variant}${bits.slice(3, 6)}-${bits.slice(6, 18)}`
    )
  }
  const draw = Effect.map(crypto.randomBytes(bytesPerId * idsPerDraw), (bytes) => {
    random = Buffer.from(bytes)
    used = 0
  })

  return Effect.suspend(() => (used < random.length ? Effect.sync(next) : Effect.map(draw, next))).pipe(Effect.orDie)
})
