/** What a peer's worker does for one delivery: two signatures, one POST, the answer read to its end. */
import { Redacted } from "effect"
import { Pool } from "undici"
import { sign, signingKey } from "../../../src/webhooks/Signature.ts"
import { webhookCount } from "../Contender.ts"

/** The job that peers keep for a delivery. */
export interface Job {
  readonly id: string
  readonly webhook: number
  readonly body: string
}

/** Makes the function that sends a job; it fails on any status but 200, as a queue's handler does. */
export const makeSignedPost = (sink: string, system: string, suffix = "") => {
  const pool = new Pool(sink, { connections: 64 })
  const keys = Array.from({ length: webhookCount }, (_, index) =>
    signingKey(Redacted.make(`whsec_${Buffer.from(`secret-${index}`.padEnd(32, "-")).toString("base64")}`))
  )
  return async ({ id, webhook, body }: Job) => {
    const key = keys[webhook]
    if (key === undefined) throw new Error(`There is no webhook ${webhook}`)
    const timestamp = Math.floor(Date.now() / 1000)
    const answer = await pool.request({
      method: "POST",
      path: `/${system}/${webhook}${suffix}`,
      body,
      headers: {
        "content-type": "application/json",
        ...sign({ current: key }, id, timestamp, body),
        "x-webhook-id": `webhook-${webhook}`,
        "x-webhook-event": "CONTACT_CREATED",
        "webhook-id": id,
        "webhook-timestamp": String(timestamp)
      }
    })
    await answer.body.text()
    if (answer.statusCode !== 200) throw new Error(`The sink answered ${answer.statusCode}`)
  }
}
