import { HttpClientRequest } from "effect/http"

/**
 * A body of two parts, what a file is called and its bytes (RFC 2387). `seed` makes the line between them, which is in
 * neither: a digest of the bytes is none of them.
 */
export const multipart = (metadata: object, mimeType: string, bytes: Uint8Array, seed: string) => {
  const boundary = `nexus-${seed.slice(-48)}`
  const head = new TextEncoder().encode(
    [
      `--${boundary}`,
      "Content-Type: application/json; charset=UTF-8",
      "",
      JSON.stringify(metadata),
      `--${boundary}`,
      `Content-Type: ${mimeType}`,
      "",
      ""
    ].join("\r\n")
  )
  const tail = new TextEncoder().encode(`\r\n--${boundary}--\r\n`)
  const body = new Uint8Array(head.length + bytes.length + tail.length)
  body.set(head)
  body.set(bytes, head.length)
  body.set(tail, head.length + bytes.length)
  return HttpClientRequest.bodyUint8Array(body, `multipart/related; boundary=${boundary}`)
}
