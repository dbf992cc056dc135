import { Console, Effect, FileSystem, Option, Stdio, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { ContactExport } from "../contacts/ContactExport.ts"
import { ContactImport } from "../contacts/ContactImport.ts"
import { mostErrors } from "../contacts/ContactSheet.ts"
import { UserId } from "../domain/Ids.ts"
import { withProgress } from "./Progress.ts"

const user = Flag.String("user").pipe(Flag.withDescription("The user whose contacts they are"), Flag.withSchema(UserId))

/** How many lines a file has: what an import has before it, or little more. */
const linesOf = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.stream(file).pipe(
    Stream.runFold(
      () => 0,
      (lines, bytes) => bytes.reduce((sum, byte) => (byte === 10 ? sum + 1 : sum), lines)
    )
  )
})

const importFile = Command.make(
  "import",
  {
    file: Argument.String("file").pipe(
      Argument.withDescription("A CSV file with a header; email is the one column it needs")
    ),
    user,
    emit: Flag.Boolean("emit").pipe(
      Flag.withDescription("Emit CONTACT_CREATED for new contacts"),
      Flag.withDefault(false)
    ),
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDescription("Say what would happen, and write nothing"),
      Flag.withDefault(false)
    )
  },
  Effect.fn(function* ({ file, user, emit, dryRun }) {
    const imports = yield* ContactImport
    const actor = { userId: user, actor: user, address: null }
    const { created, updated, unchanged, rejected, errors } = yield* withProgress(linesOf(file), (onProgress) =>
      imports.run(actor, file, { emit, dryRun, onProgress })
    )
    for (const { line, column, message } of errors) {
      yield* Console.error(`line ${line}${column === null ? "" : `, ${column}`}: ${message}`)
    }
    if (errors.length === mostErrors) yield* Console.error(`Only the first ${mostErrors} are listed.`)
    const counts = `${created} created, ${updated} updated, ${unchanged} unchanged, ${rejected} left out`
    yield* Console.log(dryRun ? `Nothing was written. It would be: ${counts}` : counts)
  })
).pipe(
  Command.withDescription("Create or change contacts from a CSV file: all rows that are right, or on a failure none"),
  Command.withExamples([{ command: "nexus contacts import contacts.csv --user user-1 --dry-run" }])
)

const exportFile = Command.make(
  "export",
  {
    user,
    out: Flag.String("out").pipe(
      Flag.withDescription("The file to write; the standard output when left out"),
      Flag.optional
    )
  },
  Effect.fn(function* ({ user, out }) {
    const exports = yield* ContactExport
    const fs = yield* FileSystem.FileSystem
    const stdio = yield* Stdio.Stdio
    yield* withProgress(exports.count(user), (onProgress) => {
      const csv = exports.csv(user, { onProgress })
      return Option.match(out, {
        onNone: () => Stream.run(csv, stdio.stdout({ endOnDone: false })),
        onSome: (path) => csv.pipe(Stream.encodeText, Stream.run(fs.sink(path)))
      })
    })
  })
).pipe(
  Command.withDescription("Write all contacts of a user as CSV"),
  Command.withExamples([{ command: "nexus contacts export --user user-1 --out contacts.csv" }])
)

/** `nexus contacts`. */
export const contacts = Command.make("contacts").pipe(
  Command.withDescription("Contacts of a user"),
  Command.withSubcommands([exportFile, importFile])
)
