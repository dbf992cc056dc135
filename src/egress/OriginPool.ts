import type { LookupFunction } from "node:net"
import { Pool } from "undici"
import type { Exchange } from "./Exchange.ts"

/** How many bytes of headers an answer may have before the connection is closed on it. */
const maxHeaderSize = 16 * 1024

/** How long a dial may take, in milliseconds, when the request allows more. */
const connectTimeout = 10_000

/**
 * The connections to one origin. Origins share nothing, so one that never answers holds up only itself. At most
 * `connections` exchanges run at once; the others wait here and not in undici's queue, which knows no way to leave it
 * and would close a healthy connection for each exchange that was given up while waiting.
 */
export class OriginPool {
  readonly #pool: Pool
  readonly #connections: number
  readonly #running = new Set<Exchange>()
  readonly #waiting = new Set<Exchange>()
  #usedSinceSweep = true

  /** `lookup` is asked at every dial of a name, and undici dials exactly what it answers. */
  constructor(origin: string, connections: number, lookup: LookupFunction) {
    this.#connections = connections
    this.#pool = new Pool(origin, {
      connections,
      // One request at a time on a connection: a slow answer must not stand before another.
      pipelining: 1,
      allowH2: false,
      maxHeaderSize,
      // The exchange's own deadline covers both.
      headersTimeout: 0,
      bodyTimeout: 0,
      connectTimeout,
      connect: { lookup, timeout: connectTimeout }
    })
  }

  /** Sends the exchange now, or as soon as one before it is over. */
  send(exchange: Exchange): void {
    this.#usedSinceSweep = true
    if (this.#running.size >= this.#connections) {
      this.#waiting.add(exchange)
      return
    }
    this.#running.add(exchange)
    this.#pool.dispatch(exchange.options, exchange)
  }

  /** Takes note that an exchange is over, however it ended. */
  release(exchange: Exchange): void {
    if (this.#waiting.delete(exchange) || !this.#running.delete(exchange)) return
    const [next] = this.#waiting
    if (next === undefined) return
    this.#waiting.delete(next)
    this.send(next)
  }

  /** Whether nothing was sent since the last call of this method and nothing is under way. */
  sweep(): boolean {
    const idle = !this.#usedSinceSweep && this.#running.size === 0
    this.#usedSinceSweep = false
    return idle
  }

  /** Closes every connection at once; what is under way fails. */
  close(): void {
    void this.#pool.destroy()
  }
}
