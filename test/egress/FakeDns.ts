import { Effect, Layer } from "effect"
import { Dns, NetAddress } from "effect/net"

/**
 * Plays DNS: each name has a list of answers that are given one after the other, the last one for ever. A name without
 * answers does not exist. `asked` collects the questions.
 */
export const fakeDns = (names: Record<string, ReadonlyArray<ReadonlyArray<string>>>, asked: Array<string> = []) =>
  Layer.succeed(
    Dns.Dns,
    Dns.make({
      lookup: (host) =>
        Effect.sync(() => {
          const answers = names[host] ?? []
          const turn = asked.filter((name) => name === host).length
          asked.push(host)
          const answer = answers[Math.min(turn, answers.length - 1)] ?? []
          return answer.map(NetAddress.ipFromStringUnsafe)
        })
    })
  )

/** DNS that is asked and never answers. */
export const silentDns = Layer.succeed(Dns.Dns, Dns.make({ lookup: () => Effect.never }))
