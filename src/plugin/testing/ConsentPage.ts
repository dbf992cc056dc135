/** The pages of an emulated authorization server. */
import type { EmulatedAnswer } from "./Emulator.ts"

const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

/** A page of text or of HTML. */
export const page = (status: number, name: string, content: string): EmulatedAnswer => ({
  status,
  headers: { "content-type": "text/html; charset=utf-8" },
  body: `<!doctype html><html lang="en"><title>${escaped(name)}</title><main><h1>${escaped(name)}</h1>${content}</main></html>`
})

/** Asks a user for scopes, each with a box that can be unticked. */
export const consentForm = (action: string, name: string, scopes: ReadonlyArray<string>) =>
  `<form method="post" action="${escaped(action)}"><p>Nexus wants access to your ${escaped(name)}:</p>
  ${scopes
    .map(
      (scope) =>
        `<p><label><input type="checkbox" name="scope" value="${escaped(scope)}" checked> ${escaped(scope)}</label></p>`
    )
    .join("\n")}
  <button name="consent" value="allow">Allow</button> <button name="consent" value="deny">Deny</button></form>`
