import { Effect, FileSystem } from "effect"

/** Where an installation will make its home; removed afterwards, with the database that root keeps elsewhere. */
export const newHome = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const home = `${yield* fs.makeTempDirectoryScoped({ prefix: "nexus-test-home-" })}/home`
  yield* Effect.addFinalizer(() =>
    fs.realPath(`${home}/postgres`).pipe(
      Effect.flatMap((cluster) => fs.remove(cluster, { recursive: true })),
      Effect.ignore
    )
  )
  return home
})
