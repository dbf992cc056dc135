import { Context, Duration } from "effect"

/** How often a call to a provider that does not work is made again. A reference, so that tests need not wait as long. */
export const CallPatience = Context.Reference("nexus/integrations/CallPatience", {
  defaultValue: () => ({
    /** So many times more ... */
    retries: 4,
    /** ... after this long, and twice as long each time. */
    retryAfter: Duration.seconds(1)
  })
})
