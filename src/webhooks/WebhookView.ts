import { DateTime } from "effect"
import { Webhook } from "../domain/Webhook.ts"
import type { WebhookRow } from "./WebhookRepo.ts"

const time = (date: Date | null) => (date === null ? null : DateTime.fromDateUnsafe(date))

/** A webhook as the API shows it: nothing that is sealed, and its headers with masks for values. */
export const showWebhook = (row: WebhookRow, headers: Webhook["headers"]) =>
  new Webhook({
    ...row,
    headers,
    disabledAt: time(row.disabledAt),
    previousSecretExpiresAt: time(row.previousSecretExpiresAt),
    createdAt: DateTime.fromDateUnsafe(row.createdAt),
    updatedAt: DateTime.fromDateUnsafe(row.updatedAt)
  })
