import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { Keyring } from "./Keyring.ts"
import { SealedRepo, type SealedValue, sealedColumns } from "./SealedRepo.ts"
import { Vault } from "./Vault.ts"

/** Values that are sealed anew in one transaction. */
const batchSize = 200

/** What a rotation did. */
export interface Rotated {
  /** Values that the sealing key seals now. */
  readonly resealed: number
  /** Values that can't be opened, by place; they stay as they are. */
  readonly broken: ReadonlyArray<string>
}

/**
 * Seals everything with the first key of the keyring that an older one sealed. The service may run meanwhile: a value
 * that changes under way keeps its change, and both keys open what is there at any moment.
 */
export class Rotation extends Context.Service<
  Rotation,
  {
    /** @param progress told after each batch how many values are sealed anew so far */
    rotate(progress: (resealed: number) => Effect.Effect<void>): Effect.Effect<Rotated, SqlError>
  }
>()("nexus/vault/Rotation") {
  static readonly layer = Layer.effect(
    Rotation,
    Effect.gen(function* () {
      const repo = yield* SealedRepo
      const vault = yield* Vault
      const { sealing } = yield* Keyring

      const reseal = Effect.fnUntraced(function* (old: SealedValue) {
        const opened = yield* vault.open(old.sealed, old.binding)
        return { old, sealed: yield* vault.seal(opened, old.binding) }
      })

      return Rotation.of({
        rotate: Effect.fn("Rotation.rotate")(function* (progress) {
          let resealed = 0
          const broken: Array<string> = []
          for (const column of sealedColumns) {
            let after: SealedValue | null = null
            while (true) {
              const stale: ReadonlyArray<SealedValue> = yield* repo.stale(column, sealing.id, after, batchSize)
              if (stale.length === 0) break
              after = stale.at(-1) ?? null
              const results = yield* Effect.forEach(stale, (value) => Effect.result(reseal(value)))
              const values = results.flatMap((result) => (result._tag === "Success" ? [result.success] : []))
              for (const result of results) if (result._tag === "Failure") broken.push(result.failure.place)
              resealed += yield* repo.replace(column, values)
              yield* progress(resealed)
            }
          }
          return { resealed, broken }
        })
      })
    })
  )
}
