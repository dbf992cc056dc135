import { createHash } from "node:crypto"
import { HttpServerResponse } from "effect/http"

const style = `
body { margin: 15vh 1rem; font: 16px/1.5 system-ui, sans-serif; color: #1c2330; background: #f5f6f8 }
main { max-width: 32rem; margin: auto; padding: 1.5rem 2rem; background: #fff; border-radius: 8px }
h1 { margin: 0 0 0.5rem; font-size: 1.4rem }
p { margin: 0; overflow-wrap: anywhere }
`

/** A page of nothing but text: it loads nothing, runs nothing, is framed by nobody, and has this one style. */
const policy = `default-src 'none'; style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

/** What a person reads who has nowhere to go back to. */
export const resultPage = (status: number, title: string, text: string) =>
  HttpServerResponse.text(
    `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>${style}</style>
<main>
<h1>${escaped(title)}</h1>
<p>${escaped(text)}.</p>
</main>
</html>
`,
    { status, contentType: "text/html; charset=utf-8", headers: { "content-security-policy": policy } }
  )
