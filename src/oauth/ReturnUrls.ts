import { Config, Effect } from "effect"
import { ConfigurationInvalid } from "../domain/ConfigurationInvalid.ts"
import { publicUrl } from "../PublicUrl.ts"

/** A URL that a browser goes to as it is written: nothing about it is corrected on the way. */
const isWebUrl = (text: string) => /^https?:\/\/[^/]/.test(text) && URL.parse(text)?.username === ""

/** Where browsers may be sent after they were at a provider, beside the dashboard: `RETURN_URLS`, separated by commas. */
export const configuredReturnUrls = Effect.gen(function* () {
  const text = yield* Config.String("RETURN_URLS").pipe(Config.withDefault(""))
  const urls = text
    .split(",")
    .map((url) => url.trim())
    .filter((url) => url !== "")
  const wrong = urls.filter((url) => !isWebUrl(url))
  if (wrong.length === 0) return urls
  return yield* new ConfigurationInvalid({
    problems: wrong.map((url) => ({
      variable: "RETURN_URLS",
      problem: `has "${url}", which is not an address such as https://app.example.com/integrations`
    }))
  })
})

/**
 * Makes the test that a return URL has to pass: it is one of the list to the letter. Nothing is parsed, as the ways to
 * spell a URL that browsers take for another one have no end.
 */
export const makeReturnUrls = Effect.gen(function* () {
  const allowed = new Set([...(yield* configuredReturnUrls), `${yield* publicUrl}/dashboard/integrations`])
  return { allows: (url: string): boolean => allowed.has(url) }
})
