/** Which way the doors of the house open: the import rules of the source tree, and where SQL and keys may stand. */
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"

const root = resolve(import.meta.dirname, "..")

interface Source {
  /** From the root, with forward slashes. */
  readonly file: string
  readonly text: string
  /** Package names, `node:` modules, or files from the root. */
  readonly imports: ReadonlyArray<string>
}

const importPattern =
  /^\s*(?:import|export)\s[^"']*?from\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)|^import\s*["']([^"']+)["']/gm

const importsOf = (file: string, text: string): ReadonlyArray<string> =>
  Array.from(text.matchAll(importPattern), (match) => match[1] ?? match[2] ?? match[3] ?? "").map((name) =>
    name.startsWith(".") ? relative(root, resolve(root, dirname(file), name)).replaceAll("\\", "/") : name
  )

const read = (folder: string): ReadonlyArray<Source> =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => {
      const path = join(entry.parentPath, entry.name)
      const text = readFileSync(path, "utf8")
      const file = relative(root, path).replaceAll("\\", "/")
      return { file, text, imports: importsOf(file, text) }
    })

const sources = read("src")
const within = (folder: string) => sources.filter(({ file }) => file.startsWith(`src/${folder}/`))
const effect = (name: string) => name === "effect" || name.startsWith("effect/")

/** The imports that break a rule, as sentences: an empty list passes and a failure names the culprits. */
const offences = (files: ReadonlyArray<Source>, allowed: (name: string, file: string) => boolean) =>
  files.flatMap(({ file, imports }) =>
    imports.filter((name) => !allowed(name, file)).map((name) => `${file} imports ${name}`)
  )

describe("the house", () => {
  it("has sources to judge", () => {
    assert.isAbove(sources.length, 50)
    assert.isTrue(sources.some(({ imports }) => imports.includes("src/domain/Ids.ts")))
  })

  it("domain knows nothing but schemas", () => {
    assert.deepStrictEqual(
      offences(within("domain"), (name) => effect(name) || name.startsWith("src/domain/")),
      []
    )
  })

  it("the HTTP contract knows the domain and no server code", () => {
    assert.deepStrictEqual(
      offences(within("api"), (name) => effect(name) || name.startsWith("src/domain/") || name.startsWith("src/api/")),
      []
    )
  })

  it("only the composition roots know the plugins", () => {
    const roots = ["src/Services.ts", "src/main.ts"]
    assert.deepStrictEqual(
      offences(sources, (name, file) => !name.startsWith("plugins/") || roots.includes(file)),
      []
    )
  })

  it("a plugin knows effect, the contract of plugins and its own folder", () => {
    const folder = (file: string) => file.split("/").slice(0, 2).join("/")
    assert.deepStrictEqual(
      offences(
        [...read("plugins"), ...read("template")].filter(
          ({ file }) => file !== "plugins/index.ts" && !file.endsWith(".test.ts")
        ),
        (name, file) =>
          effect(name) || /^nexus-integrations\/plugin(\/testing)?$/.test(name) || name.startsWith(`${folder(file)}/`)
      ),
      []
    )
  })

  it("no provider has a name in the service", () => {
    const built = readdirSync(join(root, "plugins"), { withFileTypes: true }).filter((entry) => entry.isDirectory())
    assert.isAbove(built.length, 5)
    const names = [...built.map(({ name }) => name.replace("-", "[_-]?")), "google[_-]?drive", "dropbox"]
    const provider = new RegExp(names.join("|"), "i")
    assert.deepStrictEqual(
      sources
        .filter(({ file }) => !/^src\/index\.ts$/.test(file))
        .filter(({ text }) => provider.test(code(text)))
        .map(({ file }) => file),
      []
    )
  })

  it("nobody but the command line and the composition roots knows the HTTP room", () => {
    const edges = /^src\/(http|cli)\/|^src\/(main|index|Services)\.ts$/
    assert.deepStrictEqual(
      offences(sources, (name, file) => !name.startsWith("src/http/") || edges.test(file)),
      []
    )
  })

  it("the contract of plugins knows the domain and the door to the network; its conformance suite is the service's", () => {
    const contract = within("plugin").filter(({ file }) => !file.startsWith("src/plugin/testing/"))
    const rooms = /^src\/(plugin|domain|egress)\//
    assert.deepStrictEqual(
      offences(contract, (name) => !name.startsWith("src/") || rooms.test(name)),
      []
    )
  })

  it("tokens of providers are asked for in the OAuth room, which knows what is connected and nobody above it", () => {
    const rooms = /^src\/(oauth|integrations|plugin|vault|egress|database|domain)\/|^src\/PublicUrl\.ts$/
    assert.deepStrictEqual(
      offences(within("oauth"), (name) => !name.startsWith("src/") || rooms.test(name)),
      []
    )
    assert.deepStrictEqual(
      offences(sources, (name, file) => name !== "oauth4webapi" || file.startsWith("src/oauth/")),
      []
    )
  })

  it("files go to providers without knowing of syncs, which send some", () => {
    const rooms = /^src\/(files|integrations|plugin|domain)\//
    assert.deepStrictEqual(
      offences(within("files"), (name) => !name.startsWith("src/") || rooms.test(name)),
      []
    )
  })

  it("no file needs itself through others", () => {
    assert.deepStrictEqual(cycles(), [])
  })

  it("cookies are set and read in one file, and the sessions behind them by one service", () => {
    const touches =
      /\b(set|expire)Cookie(s|Unsafe)\b|\bHttpServerResponse\.\w*Cookie|\brequest\.cookies\b|["']set-cookie["']/i
    assert.deepStrictEqual(
      sources.filter(({ text }) => touches.test(code(text))).map(({ file }) => file),
      ["src/http/BrowserCookies.ts"]
    )
    const rooms = /^src\/http\/(BrowserSessions|Sweep|HttpServer)\.ts$/
    assert.deepStrictEqual(
      offences(sources, (name, file) => name !== "src/http/SessionRepo.ts" || rooms.test(file)),
      []
    )
  })

  it("the driver of Postgres is used in the database room and in repositories", () => {
    assert.deepStrictEqual(
      offences(
        sources,
        (name, file) => name !== "@effect/sql-pg" || file.startsWith("src/database/") || file.endsWith("Repo.ts")
      ),
      []
    )
  })

  it("what is Node's own runtime comes in at the edges", () => {
    const edges = /^src\/(main|index)\.ts$|^src\/(database|egress)\/|^src\/http\/HttpServer\.ts$/
    assert.deepStrictEqual(
      offences(sources, (name, file) => name !== "@effect/platform-node" || edges.test(file)),
      []
    )
  })

  it("nothing reaches the network but through the egress room", () => {
    const outgoing = /^(undici|node:(http|https|http2|net|tls|dgram|dns).*)$/
    const clients = /\b(fetch|XMLHttpRequest|WebSocket)\(|\bFetchHttpClient\b/
    // A table of names, and a server that only receives, open no connection.
    const harmless = /import \{ (STATUS_CODES|createServer)(, type \w+)* \} from "node:http"/
    const opens = (name: string, file: string) =>
      outgoing.test(name) && !(name === "node:http" && harmless.test(readFileSync(join(root, file), "utf8")))
    assert.deepStrictEqual(
      offences(sources, (name, file) => !opens(name, file) || /^src\/(egress|database)\//.test(file)),
      []
    )
    assert.deepStrictEqual(
      [...sources, ...read("plugins"), ...read("template")]
        .filter(({ file, text }) => !file.startsWith("src/dashboard/") && clients.test(code(text)))
        .map(({ file }) => file),
      []
    )
  })

  it("SQL stands in repositories and in sql/, and what the database room needs to run Postgres in that room", () => {
    const statement = /\b(SELECT\s+[\w*(.]|INSERT\s+INTO\s|UPDATE\s+\w+(\.\w+)?\s+SET\s|DELETE\s+FROM\s)/
    assert.deepStrictEqual(
      sources
        .filter(({ file }) => !file.endsWith("Repo.ts") && !file.startsWith("src/database/"))
        .filter(({ text }) => statement.test(code(text)))
        .map(({ file }) => file),
      []
    )
  })

  it("keys are handled in the vault, in signing, and where tokens are checked", () => {
    const rooms = /^src\/vault\/|^src\/webhooks\/Signature\.ts$|^src\/http\/(Tokens|TokenSettings)\.ts$/
    assert.deepStrictEqual(
      sources
        .filter(
          ({ file, text }) => /createHmac|createCipheriv|createSecretKey|hkdfSync/.test(text) && !rooms.test(file)
        )
        .map(({ file }) => file),
      []
    )
  })

  it("files are named after what they export", () => {
    const exempt = /^src\/(main|index)\.ts$|^src\/plugin\/(testing\/)?index\.ts$|^src\/dashboard\//
    assert.deepStrictEqual(
      sources
        .filter(({ file }) => !exempt.test(file) && !/\/[A-Z][A-Za-z0-9]*\.tsx?$/.test(file))
        .map(({ file }) => file),
      []
    )
  })
})

/** The ways from a file back to itself, over what is imported to be run: types alone are free to go both ways. */
function cycles() {
  const runtime = new Map(
    sources.map(({ file, text }) => {
      const types = Array.from(text.matchAll(/^import type\s[^"']*?from\s*["']([^"']+)["']/gm), ([whole]) => whole)
      const rest = types.reduce((left, type) => left.replace(type, ""), text)
      return [file, importsOf(file, rest)]
    })
  )
  const done = new Set<string>()
  const found: Array<string> = []
  const walk = (file: string, way: ReadonlyArray<string>) => {
    if (way.includes(file)) return found.push([...way.slice(way.indexOf(file)), file].join(" -> "))
    if (done.has(file)) return
    for (const next of runtime.get(file) ?? []) walk(next, [...way, file])
    done.add(file)
  }
  for (const { file } of sources) walk(file, [])
  return found
}

/** The text without comments and without examples for the command line. */
function code(text: string) {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/^\s*\/\/.*$/gm, "")
    .replace(/withExamples\([\s\S]*?\]\)/g, "")
}
