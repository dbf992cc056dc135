import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { builtIns } from "../support/BuiltIn.ts"

layer(NodeServices.layer)("The variables of OAuth clients", (it) => {
  it.effect("are all in .env.example, and no others", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const example = yield* fs.readFileString(".env.example")
      const wanted = Array.from((yield* builtIns).values()).flatMap(({ oauth }) =>
        oauth === undefined ? [] : Object.values(oauth.client)
      )
      const [, section = ""] = /# OAuth clients([\s\S]*?)# ---/.exec(example) ?? []
      const named = Array.from(section.matchAll(/^([A-Z_]+)=$/gm), ([, name]) => name)
      assert.sameMembers(named, wanted)
    })
  )
})
