/** New plugins, made of the folder `template/plugin` of this package. */
import { Effect, FileSystem, Path, Schema } from "effect"

/** A new plugin can't be written. */
export class TemplateRefused extends Schema.TaggedError<TemplateRefused>()("TemplateRefused", {
  message: Schema.String
}) {}

/** `template/plugin`, whether this package runs from its sources or compiled into `dist/`. */
const templateFolder = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const here = yield* path.fromFileUrl(new URL(".", import.meta.url))
  const inSources = path.join(here, "../../template/plugin")
  return (yield* fs.exists(inSources)) ? inSources : path.join(here, "../../../template/plugin")
}).pipe(Effect.orDie)

/**
 * Writes a working plugin into a folder that is empty or not there yet.
 *
 * @param name small letters, digits and hyphens: `acme-crm` becomes the provider `ACME_CRM`, the plugin
 *   `AcmeCrmPlugin` and the package `nexus-plugin-acme-crm`
 * @returns the files, from that folder
 */
export const writePlugin = Effect.fn("PluginTemplate.writePlugin")(function* (name: string, folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
    const message = `"${name}" can't be a plugin's name: small letters, digits and hyphens, such as acme-crm. The folder to write it into is a second argument`
    return yield* new TemplateRefused({ message })
  }
  if ((yield* fs.exists(folder)) && (yield* fs.readDirectory(folder)).length > 0) {
    const message = `${folder} is not empty; name a folder that is not there yet`
    return yield* new TemplateRefused({ message })
  }
  const template = yield* templateFolder
  const named = renamed(name)
  const files: Array<string> = []
  for (const file of (yield* fs.readDirectory(template, { recursive: true })).sort()) {
    if ((yield* fs.stat(path.join(template, file))).type !== "File") continue
    const target = path.join(folder, named(file))
    yield* fs.makeDirectory(path.dirname(target), { recursive: true })
    yield* fs.writeFileString(target, named(yield* fs.readFileString(path.join(template, file))))
    files.push(named(file))
  }
  return files
})

/** The template's provider is called Acme; in names of code that is one word, elsewhere it is for people. */
const renamed = (name: string) => {
  const words = name.split("-").map((word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`)
  const initials = words.map((word) => word.slice(0, 1)).join("")
  const spellings: Readonly<Record<string, string>> = {
    ACME: name.toUpperCase().replaceAll("-", "_"),
    Acme: words.join(" "),
    acme: name,
    'monogram: "A"': `monogram: "${initials.slice(0, 2)}"`
  }
  return (text: string) =>
    text.replace(/Acme|ACME|acme|monogram: "A"/g, (found, at: number) =>
      /^([A-Z]|\.[a-z])/.test(text.slice(at + found.length)) && found === "Acme"
        ? words.join("")
        : (spellings[found] ?? found)
    )
}
