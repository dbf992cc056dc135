import { Context, Duration } from "effect"

/** How long a run waits and hopes. A reference, so that tests need not wait as long. */
export const SyncPatience = Context.Reference("nexus/sync/SyncPatience", {
  defaultValue: () => ({
    /** A throttled run sits out waits up to this long, and puts itself off for longer ones. */
    longestSleep: Duration.minutes(1),
    /** A run puts itself off for no longer than this, whatever its provider says: until it ends there is no other. */
    longestWait: Duration.days(1),
    /** How often in a row a run puts itself off while its provider does not work; then it fails. */
    mostWaits: 12,
    /** How long what a provider does in the background may take, from the beginning of the run. */
    longestJob: Duration.hours(6),
    /**
     * How long a contact whose job is over may be unconfirmed. The run stays open for it, so that changes wait for it
     * too: long enough for an index that lags behind, and no longer.
     */
    longestDoubt: Duration.minutes(15),
    /** How long a cancelled run may take to account for the batch that is under way. */
    courtesy: Duration.seconds(10)
  })
})

/** Seconds until a run that was put off goes on: 5, then twice as long each time, up to a minute. */
export const pollAfter = (waits: number): number => Math.min(5 * 2 ** waits, 60)

/** Seconds until a provider that does not work is tried again: 30, then twice as long each time, up to half an hour. */
export const retryAfter = (troubles: number): number => Math.min(30 * 2 ** troubles, 1800)
