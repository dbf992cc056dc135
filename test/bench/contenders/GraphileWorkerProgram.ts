/** graphile-worker 0.18 at its best: a local queue, so that it fetches hundreds of jobs at once, and batched completion. */
import process from "node:process"
import { Logger, type Runner, run } from "graphile-worker"
import { type Job, makeSignedPost } from "./SignedPost.ts"

const [, , connectionString = "", sink = "", system = ""] = process.argv
const post = makeSignedPost(sink, system)

const runner: Runner = await run({
  connectionString,
  concurrency: 64,
  maxPoolSize: 12,
  noHandleSignals: true,
  pollInterval: 1000,
  logger: new Logger(() => () => {}),
  preset: { worker: { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
  taskList: { deliver: (job) => post(job as Job) }
})
process.send?.({ ready: true })
await runner.promise
