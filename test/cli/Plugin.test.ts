import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { runNexus } from "../support/NexusProcess.ts"

const fixture = "./test/plugin/fixtures/modules/Claim.ts"

layer(NodeServices.layer, { excludeTestServices: true, timeout: "60 seconds" })("nexus plugin", (it) => {
  it.effect("lists what is built in and what NEXUS_PLUGINS adds", () =>
    Effect.gen(function* () {
      const { code, out, err } = yield* runNexus(["plugin", "list"], { NEXUS_PLUGINS: fixture })
      assert.deepStrictEqual([code, err], [0, ""])
      assert.include(
        out,
        [
          "ACME  Acme (crm)",
          "  does   contacts, remove contacts, webhook, revoke",
          "  hosts  api: https://api.acme.example",
          `  from   ${fixture}`
        ].join("\n")
      )
      assert.match(out, /^HUBSPOT {2}HubSpot \(crm\)$/m)
      assert.match(out, /^ {2}from {3}built in$/m)
    })
  )

  it.effect("writes a plugin that passes its checks, and finds it out when it is broken", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = `${yield* fs.makeTempDirectoryScoped({ prefix: "nexus-test-plugin-" })}/acme-crm`
      const made = yield* runNexus(["plugin", "new", "acme-crm", folder], {})
      assert.deepStrictEqual([made.code, made.err], [0, ""])
      assert.include(made.out, `npx nexus plugin test ${folder}`)

      const file = `${folder}/AcmeCrm.ts`
      const source = yield* fs.readFileString(file)
      assert.include(source, 'export const AcmeCrmPlugin = plugin({\n  id: "ACME_CRM",\n  name: "Acme Crm",')
      for (const name of yield* fs.readDirectory(folder, { recursive: true })) {
        if (/\.(ts|json|md)$/.test(name))
          assert.notMatch(yield* fs.readFileString(`${folder}/${name}`), /Acme(?! ?Crm)/)
      }

      const good = yield* runNexus(["plugin", "test", folder], {})
      assert.deepStrictEqual([good.code, good.err], [0, ""])
      assert.include(good.out, "ok    refused credentials are told from an outage\n")
      assert.match(good.out, / keeps to its contract: \d+ checks\n$/)

      yield* fs.writeFileString(file, source.replace("answer.status >= 300", "answer.status >= 500"))
      const bad = yield* runNexus(["plugin", "test", folder], {})
      assert.strictEqual(bad.code, 1)
      assert.include(bad.out, "FAIL  refused credentials are told from an outage\n")
      assert.match(bad.err, /^\d+ of \d+ checks failed\n$/)

      const again = yield* runNexus(["plugin", "new", "acme-crm", folder], {})
      assert.deepStrictEqual(
        [again.code, again.err],
        [1, `${folder} is not empty; name a folder that is not there yet\n`]
      )
    })
  )

  it.effect("says what keeps a plugin from being written or tested", () =>
    Effect.gen(function* () {
      const name = yield* runNexus(["plugin", "new", "Acme_CRM"], {})
      assert.strictEqual(
        name.err,
        "\"Acme_CRM\" can't be a plugin's name: small letters, digits and hyphens, such as acme-crm. The folder to write it into is a second argument\n"
      )
      const bare = yield* runNexus(["plugin", "test", "./test/plugin/fixtures/modules/SecondClaim.ts"], {})
      assert.strictEqual(
        bare.err,
        "The plugin ./test/plugin/fixtures/modules/SecondClaim.ts can't be used: it exports no emulator. Export the function that makes it, with a name that ends with Emulator\n"
      )
      assert.deepStrictEqual([name.code, bare.code], [1, 1])
    })
  )
})
