import { HttpServerResponse } from "effect/http"

/** A page of nothing but text: it loads nothing, runs nothing, and is framed by nobody. */
const policy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

/** What a person reads who has nowhere to go back to. */
export const resultPage = (status: number, title: string, text: string) =>
  HttpServerResponse.text(
    `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<main>
<h1>${escaped(title)}</h1>
<p>${escaped(text)}.</p>
</main>
</html>
`,
    { status, contentType: "text/html; charset=utf-8", headers: { "content-security-policy": policy } }
  )
