/**
 * The receiver of every benchmark, in a process of its own: answers signed POSTs with 200 and counts its answers. Paths
 * are `/<system>/<webhook>`; those that end in `/timed` are noted with their arrival. The ports after the first can be
 * told to hang: they take requests and answer when that is over.
 */
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import process from "node:process"
import { sharedMicros } from "./ChildProgram.ts"
import type { SinkOrder } from "./Sink.ts"

const counts = new Map<string, number>()
const goals = new Map<string, number>()
let arrivals: Array<readonly [index: number, micros: number]> = []
let hanging: Array<ServerResponse> | undefined

const answer = (response: ServerResponse) => {
  response.writeHead(200, { "content-length": 2 })
  response.end("ok")
}

const count = (system: string) => {
  const answered = (counts.get(system) ?? 0) + 1
  counts.set(system, answered)
  if (goals.get(system) !== answered) return
  goals.delete(system)
  process.send?.({ answered })
}

const listen = (mayHang: boolean) =>
  new Promise<number>((resolve) => {
    const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      const [, system = "", , timed] = request.url?.split("/") ?? []
      const signed = request.headers["x-webhook-signature"] && request.headers["webhook-signature"]
      if (!signed) return response.writeHead(400).end()
      if (timed) {
        const at = sharedMicros()
        request.on("data", (chunk) => arrivals.push([JSON.parse(String(chunk)).data.index, at]))
      } else {
        request.resume()
      }
      request.on("end", () => {
        if (mayHang && hanging !== undefined) return hanging.push(response)
        answer(response)
        count(system)
      })
    })
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port))
  })

process.on("message", (order: SinkOrder) => {
  if (order._tag === "Expect") {
    counts.set(order.system, 0)
    goals.set(order.system, order.count)
  }
  if (order._tag === "Hang") hanging = []
  if (order._tag === "Release") {
    for (const response of hanging ?? []) answer(response)
    hanging = undefined
  }
  if (order._tag === "Take") {
    process.send?.({ arrivals })
    arrivals = []
  }
})

const ports = [await listen(false)]
for (let index = 0; index < 10; index++) ports.push(await listen(true))
process.send?.({ ports })
