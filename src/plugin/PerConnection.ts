import { Effect } from "effect"

/**
 * Remembers what `load` gave for a connection as long as that connection lives, which is one sync run: definitions of
 * fields, ids of lists. A failure is not remembered. Two calls at the same moment may load twice.
 *
 * ```ts
 * const fieldIds = perConnection(Effect.fn("Acme.fieldIds")(function* (connection: AcmeConnection) { … }))
 * ```
 */
export const perConnection = <Connection extends object, A, E>(
  load: (connection: Connection) => Effect.Effect<A, E>
) => {
  const known = new WeakMap<Connection, { readonly value: A }>()
  return (connection: Connection): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      const found = known.get(connection)
      if (found !== undefined) return Effect.succeed(found.value)
      return Effect.tap(load(connection), (value) => Effect.sync(() => known.set(connection, { value })))
    })
}
