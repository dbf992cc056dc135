import { memoryUsage } from "node:process"
import { Effect, Metric } from "effect"
import { PrometheusMetrics } from "effect/observability"
import type { GaugeRepo, Gauges } from "./GaugeRepo.ts"

const gauge = (name: string, description: string) => Metric.gauge(name, { description })

const gauges: ReadonlyArray<readonly [keyof Gauges, Metric.Gauge<number>]> = [
  ["outboxRows", gauge("nexus_outbox_rows", "Rows of the outbox that wait for fan-out")],
  ["outboxOldestSeconds", gauge("nexus_outbox_oldest_seconds", "Age of the oldest row of the outbox")],
  ["deadLetters", gauge("nexus_dead_letters", "Outbox rows that can't become events")],
  ["deliveriesPending", gauge("nexus_deliveries_pending", "Unfinished deliveries, held ones among them")],
  ["deliveriesDue", gauge("nexus_deliveries_due", "Unfinished deliveries whose next attempt is due")],
  ["deliveryOldestDueSeconds", gauge("nexus_delivery_oldest_due_seconds", "How long the oldest has been due")],
  ["delivered", gauge("nexus_deliveries_delivered", "Deliveries that succeeded, as far as hourly counts go back")],
  ["failed", gauge("nexus_deliveries_failed", "Deliveries that failed, as far as hourly counts go back")],
  ["attempts", gauge("nexus_attempts", "Attempts made, as far as hourly counts go back")],
  ["integrationsActive", gauge("nexus_integrations_active", "Integrations that work")],
  ["integrationsInactive", gauge("nexus_integrations_inactive", "Integrations that are paused")],
  ["integrationsError", gauge("nexus_integrations_error", "Integrations that do not work")],
  ["syncsRunning", gauge("nexus_syncs_running", "Sync runs that are being worked on")],
  ["syncsWaiting", gauge("nexus_syncs_waiting", "Sync runs that wait for their provider")]
]

const resident = gauge("nexus_process_resident_memory_bytes", "Memory of this process")

/** All metrics of this process and, when it answers in two seconds, of the database, as Prometheus reads them. */
export const prometheusText = Effect.fn("PrometheusText")(function* (repo: GaugeRepo["Service"]) {
  yield* Metric.update(resident, memoryUsage.rss())
  yield* repo.read.pipe(
    Effect.timeout("2 seconds"),
    Effect.flatMap((read) =>
      Effect.forEach(gauges, ([key, gauge]) => Metric.update(gauge, read[key]), { discard: true })
    ),
    Effect.catch((error) => Effect.logWarning("The metrics of the database are missing", error))
  )
  return yield* PrometheusMetrics.format()
})
