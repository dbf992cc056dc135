/** pg-boss 12 at its best: large batches, continuous fetching while they are full, and woken by NOTIFY. */
import process from "node:process"
import { PgBoss } from "pg-boss"
import { type Job, makeSignedPost } from "./SignedPost.ts"

const [, , connectionString = "", sink = "", system = ""] = process.argv
const post = makeSignedPost(sink, system)

const boss = new PgBoss({ connectionString, max: 12, useListenNotify: true })
boss.on("error", (error) => process.stderr.write(`${error.message}\n`))
await boss.start()
await boss.createQueue("deliver", { notify: true })
for (let worker = 0; worker < 4; worker++) {
  await boss.work<Job>(
    "deliver",
    { batchSize: 250, pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 0.5, burstWhenBatchFull: true },
    async (jobs) => {
      await Promise.all(jobs.map((job) => post(job.data)))
    }
  )
}
process.send?.({ ready: true })
