import { Duration, Effect } from "effect"
import type { Dispatcher } from "undici"
import type { EgressRequest, EgressResponse } from "./Egress.ts"
import { EgressError, Timeout } from "./EgressError.ts"
import { ForbiddenUrl } from "./ForbiddenUrl.ts"
import type { OriginPool } from "./OriginPool.ts"
import { keepHeaders, type RawHeaders } from "./ResponseHeaders.ts"
import type { Target } from "./Target.ts"
import { Unreachable } from "./Unreachable.ts"

/** The longest delay that a timer takes; 24 days. */
const maxDelay = 2 ** 31 - 1

const over = new Error("The exchange is over; what is left of the answer is not wanted.")

/** A character that the cut went through is dropped, not shown as a replacement character. */
const decode = (bytes: Buffer, truncated: boolean): string =>
  truncated ? new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes, { stream: true }) : bytes.toString("utf8")

/**
 * One request and its answer, as undici's handler. It settles exactly once: with the answer, with what there was of it
 * when the time or the room for its body ran out, or with the reason why there is none. Whatever comes later is dropped
 * together with the connection.
 *
 * The deadline is one event loop timer over the whole exchange, waiting for a connection included: monotonic, and as
 * cheap as a list entry because equal delays share a list. It is not on Effect's `Clock`, which sockets don't follow.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly options: Dispatcher.DispatchOptions
  readonly #host: string
  readonly #pool: OriginPool
  readonly #resume: (outcome: Effect.Effect<EgressResponse, EgressError>) => void
  readonly #startedAt = performance.now()
  readonly #millis: number
  readonly #timer: NodeJS.Timeout
  readonly #chunks: Array<Buffer> = []
  #room: number
  #controller: Dispatcher.DispatchController | undefined
  #status = 0
  #headers: Readonly<Record<string, string>> = {}
  #settled = false

  constructor(
    request: EgressRequest,
    target: Target,
    pool: OriginPool,
    resume: (outcome: Effect.Effect<EgressResponse, EgressError>) => void
  ) {
    this.options = {
      path: target.path,
      method: request.method,
      headers: request.headers,
      body: request.body ?? null
    }
    this.#host = target.host
    this.#pool = pool
    this.#resume = resume
    this.#room = request.maxBody
    this.#millis = Math.min(Duration.toMillis(Duration.fromInputUnsafe(request.timeout)), maxDelay)
    this.#timer = setTimeout(expire, this.#millis, this)
  }

  /** Ends the exchange because its time is over. With a status at hand that is a success with a shortened body. */
  expire(): void {
    const phase = this.#controller === undefined ? "connect" : "answer"
    if (this.#status !== 0) this.#succeed(true)
    else this.#fail(new Timeout({ host: this.#host, phase, millis: this.#millis }))
  }

  /** Ends the exchange without an outcome: nobody waits for it any more. */
  cancel(): void {
    if (this.#settled) return
    this.#settle()
    this.#controller?.abort(over)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#settled) controller.abort(over)
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: RawHeaders): void {
    // 103 Early Hints and the like come before the answer.
    if (status < 200) return
    this.#status = status
    this.#headers = keepHeaders(headers)
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settled) return
    const kept = chunk.length > this.#room ? chunk.subarray(0, this.#room) : chunk
    // A chunk is a view into what the socket read. A byte of body between kilobytes of chunk extensions must not keep
    // all of it alive, or 16 KiB of body could hold a gigabyte.
    this.#chunks.push(kept.length * 2 < kept.buffer.byteLength ? Buffer.from(kept) : kept)
    this.#room -= chunk.length
    if (this.#room < 0) this.#succeed(true)
  }

  onResponseEnd(): void {
    if (!this.#settled) this.#succeed(false)
  }

  /** Also called for every abort of ours, when it has nothing more to say. */
  onResponseError(_: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#settled) return
    const judged = error instanceof ForbiddenUrl || error instanceof Unreachable
    if (this.#status !== 0) this.#succeed(true)
    else this.#fail(judged ? error : Unreachable.fromError(this.#host, error))
  }

  #succeed(truncated: boolean): void {
    const [first] = this.#chunks
    const bytes = first === undefined || this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks)
    this.#settle(
      Effect.succeed({
        status: this.#status,
        headers: this.#headers,
        body: bytes === undefined ? "" : decode(bytes, truncated),
        truncated,
        millis: performance.now() - this.#startedAt
      })
    )
    if (truncated) this.#controller?.abort(over)
  }

  #fail(reason: EgressError["reason"]): void {
    this.#settle(Effect.fail(new EgressError({ reason })))
    this.#controller?.abort(over)
  }

  /**
   * The rest waits for a microtask: `resume` runs the fiber at once and `release` may send the next request, and undici,
   * from whose parser this is called, must not be entered again before it has returned.
   */
  #settle(outcome?: Effect.Effect<EgressResponse, EgressError>): void {
    this.#settled = true
    clearTimeout(this.#timer)
    queueMicrotask(() => {
      this.#pool.release(this)
      if (outcome !== undefined) this.#resume(outcome)
    })
  }
}

const expire = (exchange: Exchange): void => exchange.expire()
