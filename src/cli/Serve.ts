import { Console, Duration, Effect, FileSystem, Option, Redacted, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { HttpServer } from "effect/http"
import { databaseUrl } from "../database/Database.ts"
import { nexusHome } from "../database/EmbeddedPostgres.ts"
import { Principal } from "../domain/Principal.ts"
import { Tokens } from "../http/Tokens.ts"
import { publicUrl, publicUrlAt } from "../PublicUrl.ts"
import { untilStopped } from "./Stopped.ts"

/** Both parts of the service are left out. */
class NothingToServe extends Schema.TaggedError<NothingToServe>()("NothingToServe", {}) {
  override get message() {
    return "--no-api and --no-dispatch together leave nothing to run; give one of them"
  }
}

/** In development, what a newcomer needs next: an address, a token, and the way into the database. */
const greeting = Effect.gen(function* () {
  const tokens = yield* Tokens
  const { address } = yield* HttpServer.HttpServer
  const url = address._tag === "UnixPathAddress" ? yield* publicUrl : yield* publicUrlAt(address.port)
  if (Option.isSome(yield* databaseUrl)) return yield* Effect.logInfo(`Nexus Integrations is ready at ${url}`)
  const home = yield* nexusHome
  const database = yield* (yield* FileSystem.FileSystem).readFileString(`${home}/database-url`)
  const token = yield* tokens.issue(Principal.make({ userId: "user-1", scopes: ["admin"] }), Duration.days(7))
  yield* Console.log(
    [
      "",
      "  Nexus Integrations is ready.",
      "",
      `  API        ${url}   (documentation: ${url}/docs)`,
      `  Database   ${database.trim()}   (also in ${home}/database-url)`,
      "  Token      of user-1, with the scope admin, for seven days:",
      "",
      `  ${Redacted.value(token)}`,
      "",
      "  Next, in another terminal:   npx nexus webhooks listen --user user-1",
      "  Ctrl-C stops everything.",
      ""
    ].join("\n")
  )
})

/** `nexus serve`: API and dispatcher, until it is told to stop. */
export const serve = Command.make(
  "serve",
  {
    api: Flag.Boolean("api").pipe(Flag.withDescription("Serve the HTTP API"), Flag.withDefault(true)),
    dispatch: Flag.Boolean("dispatch").pipe(Flag.withDescription("Send deliveries"), Flag.withDefault(true))
  },
  Effect.fn(function* ({ api, dispatch }) {
    if (!api && !dispatch) return yield* new NothingToServe()
    if (api) yield* greeting
    else yield* Effect.logInfo("The dispatcher is running")
    return yield* untilStopped(Effect.never)
  })
).pipe(
  Command.withDescription("Run the service: the HTTP API and a dispatcher (--no-api, --no-dispatch leave one out)")
)
