import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { Clock, Effect, type Scope } from "effect"
import type { EmulatedAnswer, EmulatedRequest, Emulator } from "./Emulator.ts"

/** Something that goes wrong with requests, in place of the emulator's own answer. */
export interface Fault {
  /** Which requests; all by default. */
  readonly when?: (request: EmulatedRequest) => boolean
  /** How many of them; one by default. */
  readonly times?: number
  /**
   * `cut`: the connection ends, nothing was done; `cutAnswer`: the provider does it and the answer is lost; otherwise
   * what is answered instead, and nothing was done. `cutAfter`: the connection ends when so many bytes of the body have
   * come, and the emulator gets these as a partial request.
   */
  readonly kind: "cut" | "cutAnswer" | { readonly cutAfter: number } | EmulatedAnswer
}

/** An emulator on a port of its own. */
export interface RunningEmulator {
  /** `http://127.0.0.1:<port>`, what `NEXUS_HOST_<PROVIDER>_<NAME>` is set to. */
  readonly url: string
  /** Every request so far, those with faults included. */
  readonly requests: ReadonlyArray<EmulatedRequest>
  /** Plans a fault for requests to come. */
  inject(fault: Fault): void
  /** Forgets the faults that have not happened yet. */
  heal(): void
}

/** Starts an emulator on loopback, until the scope closes. `port` 0, the default, takes one that is free. */
export const startEmulator = (emulator: Emulator, port = 0): Effect.Effect<RunningEmulator, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const requests: Array<EmulatedRequest> = []
    let faults: Array<{ readonly fault: Fault; left: number }> = []

    const faultOf = (request: EmulatedRequest, isCutting: boolean) => {
      const found = faults.find(
        ({ fault, left }) => left > 0 && isCutAfter(fault.kind) === isCutting && (fault.when?.(request) ?? true)
      )
      if (found !== undefined) found.left--
      return found?.fault.kind
    }

    const server = createServer((incoming, outgoing) => {
      const arrived = (bytes: Uint8Array, isPartial: boolean) =>
        emulated(incoming, bytes, isPartial, clock.currentTimeMillisUnsafe())
      // A cut has to be known before the body comes; what looks at the body has to wait for it.
      const cutting = faultOf(arrived(new Uint8Array(), false), true)
      read(incoming, isCutAfter(cutting) ? cutting.cutAfter : Number.POSITIVE_INFINITY).then(
        ({ bytes, isPartial }) => {
          const request = arrived(bytes, isPartial)
          requests.push(bytes.length > mostKept ? arrived(new Uint8Array(), isPartial) : request)
          const fault = faultOf(request, false)
          if (fault === "cut") return void outgoing.destroy()
          const answer = typeof fault === "object" && !isCutAfter(fault) ? fault : emulator.answer(request)
          if (isPartial || fault === "cutAnswer") return void outgoing.destroy()
          write(outgoing, answer)
        },
        () => outgoing.destroy()
      )
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => {
        server.listen(port, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.callback<void>((resume) => {
          server.closeAllConnections()
          server.close(() => resume(Effect.void))
        })
    )
    const address = server.address()
    return {
      url: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : port}`,
      requests,
      inject: (fault) => {
        faults.push({ fault, left: fault.times ?? 1 })
      },
      heal: () => {
        faults = []
      }
    }
  })

const isCutAfter = (kind: Fault["kind"] | undefined): kind is { readonly cutAfter: number } =>
  typeof kind === "object" && "cutAfter" in kind

/** The bytes of a body, up to where it is cut from either side. */
const read = async (incoming: IncomingMessage, most: number) => {
  const chunks: Array<Buffer> = []
  let left = most
  let isPartial = false
  try {
    for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
      chunks.push(chunk.subarray(0, left))
      left -= chunk.length
      if (left < 0) break
    }
    isPartial = left < 0
  } catch {
    isPartial = true
  }
  return { bytes: Buffer.concat(chunks), isPartial }
}

/** Bytes of a body that the list of requests keeps; a larger one is kept as none. */
const mostKept = 1024 * 1024

const emulated = (incoming: IncomingMessage, bytes: Uint8Array, isPartial: boolean, now: number): EmulatedRequest => {
  const url = new URL(incoming.url ?? "/", "http://emulator")
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : (value ?? "")
    ])
  )
  return {
    method: incoming.method ?? "GET",
    path: url.pathname,
    query: url.searchParams,
    headers,
    host: headers["x-forwarded-host"] ?? headers.host ?? "",
    get body() {
      return new TextDecoder().decode(bytes)
    },
    bytes,
    isPartial,
    now
  }
}

const write = (outgoing: ServerResponse, { status, headers = {}, body }: EmulatedAnswer) => {
  const isText = typeof body === "string" || body === undefined
  outgoing.writeHead(status, { "content-type": isText ? "text/plain" : "application/json", ...headers })
  outgoing.end(isText ? body : JSON.stringify(body))
}
