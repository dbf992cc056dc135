import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import { migrate as applyMigrations } from "../database/Migrations.ts"

/** `nexus migrate`: brings the schema up to date. */
export const migrate = Command.make("migrate", {}, () =>
  Effect.gen(function* () {
    const applied = yield* applyMigrations
    if (applied.length === 0) return yield* Console.log("The database is up to date.")
    yield* Console.log(`Applied ${applied.length} migrations:\n${applied.map((name) => `  ${name}`).join("\n")}`)
  })
).pipe(Command.withDescription("Bring the database's schema up to date"))
