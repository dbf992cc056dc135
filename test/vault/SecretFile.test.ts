import { execFile } from "node:child_process"
import { randomUUID } from "node:crypto"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Redacted } from "effect"
import { secretFile } from "../../src/vault/SecretFile.ts"

const fresh = Effect.sync(() => Redacted.make(randomUUID()))
const folder = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

layer(NodeServices.layer)("secretFile", (it) => {
  it.effect("makes the secret once, for its owner's eyes only, and leaves nothing else behind", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = `${yield* folder}/.nexus`
      const made = yield* secretFile(`${home}/secret`, fresh)
      const again = yield* secretFile(`${home}/secret`, Effect.die("already made"))
      assert.strictEqual(Redacted.value(again), Redacted.value(made))
      assert.strictEqual((yield* fs.stat(`${home}/secret`)).mode & 0o777, 0o600)
      assert.strictEqual((yield* fs.stat(home)).mode & 0o777, 0o700)
      assert.deepStrictEqual(yield* fs.readDirectory(home), ["secret"])
    })
  )

  it.effect("gives fibers that ask at the same moment one secret", () =>
    Effect.gen(function* () {
      const path = `${yield* folder}/secret`
      const secrets = yield* Effect.all(
        Array.from({ length: 50 }, () => secretFile(path, fresh)),
        {
          concurrency: "unbounded"
        }
      )
      assert.strictEqual(new Set(secrets.map(Redacted.value)).size, 1)
    })
  )

  it.effect("gives processes that ask at the same moment one secret", () =>
    Effect.gen(function* () {
      const path = `${yield* folder}/secret`
      const program = fileURLToPath(new URL("./fixtures/PrintSecret.ts", import.meta.url))
      const runs = yield* Effect.promise(() =>
        Promise.all(Array.from({ length: 4 }, () => promisify(execFile)(process.execPath, [program, path])))
      )
      const secrets = runs.map(({ stdout }) => stdout.trim())
      assert.match(secrets[0] ?? "", /^[0-9a-f-]{36}$/)
      assert.strictEqual(new Set(secrets).size, 1)
    })
  )

  it.effect("lets the secret of a process that was faster count", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* folder}/secret`
      const overtaken = fs.writeFileString(path, "theirs\n").pipe(Effect.orDie, Effect.andThen(fresh))
      assert.strictEqual(Redacted.value(yield* secretFile(path, overtaken)), "theirs")
    })
  )

  it.effect("says what to do about an empty file", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* folder}/secret`
      yield* fs.writeFileString(path, "\n")
      const error = yield* Effect.flip(secretFile(path, fresh))
      assert.strictEqual(
        error.message,
        `The secret file ${path} can't be used: it is empty; delete it to have a new one made`
      )
    })
  )

  it.effect("names the file that it can't make", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* folder}/secret`
      yield* fs.makeDirectory(path)
      const error = yield* Effect.flip(secretFile(path, fresh))
      assert.strictEqual(error._tag, "SecretFileUnusable")
      assert.include(error.message, path)
    })
  )
})
