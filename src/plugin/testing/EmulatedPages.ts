/** The pages of an emulated provider's OAuth, as a browser shows them. */
import type { EmulatedAnswer } from "./Emulator.ts"

const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

const style = `
body { margin: 10vh 1rem; font: 16px/1.5 system-ui, sans-serif; color: #1c2330; background: #f5f6f8 }
main { max-width: 26rem; margin: auto; padding: 1.5rem 2rem 2rem; background: #fff; border-radius: 8px }
h1 { margin: 0 0 1rem; font-size: 1.4rem }
label { overflow-wrap: anywhere }
button { margin-right: 0.5rem; padding: 0.4rem 1.2rem; font: inherit }
aside { margin-top: 1.5rem; font-size: 0.85rem; color: #5b6675 }`

const page = (status: number, name: string, content: string): EmulatedAnswer => ({
  status,
  headers: { "content-type": "text/html; charset=utf-8" },
  body: `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(name)}</title><link rel="icon" href="data:,"><style>${style}</style>
<main><h1>${escaped(name)}</h1>${content}<aside>A stand-in for the provider on this machine.</aside></main></html>`
})

/** What a user sees who is not sent back. */
export const errorPage = (name: string, error: string): EmulatedAnswer => page(400, name, `<p>Error 400: ${error}</p>`)

/** Asks a user for consent to each scope; `action` is where the answer goes. */
export const consentPage = (name: string, action: string, scopes: ReadonlyArray<string>): EmulatedAnswer =>
  page(
    200,
    name,
    `<form method="post" action="${escaped(action)}"><p>Nexus wants access to your ${escaped(name)} account:</p>
  ${scopes
    .map(
      (scope) =>
        `<p><label><input type="checkbox" name="scope" value="${escaped(scope)}" checked> ${escaped(scope)}</label></p>`
    )
    .join("\n")}
  <button name="consent" value="allow">Allow</button> <button name="consent" value="deny">Deny</button></form>`
  )
