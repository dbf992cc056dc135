import { Schema } from "effect"

const explanations: Readonly<Record<string, string>> = {
  ENOTFOUND: "its name does not exist in DNS",
  EAI_AGAIN: "its name could not be looked up in DNS",
  ECONNREFUSED: "it refused the connection; nothing listens on that port",
  ECONNRESET: "it closed the connection without an answer",
  EPIPE: "it closed the connection without an answer",
  UND_ERR_SOCKET: "it closed the connection without an answer",
  ETIMEDOUT: "it did not accept a connection in time",
  UND_ERR_CONNECT_TIMEOUT: "it did not accept a connection in time",
  EHOSTUNREACH: "there is no route to it",
  ENETUNREACH: "there is no route to it",
  CERT_HAS_EXPIRED: "its TLS certificate has expired",
  CERT_NOT_YET_VALID: "its TLS certificate is not valid yet",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its TLS certificate is self-signed",
  SELF_SIGNED_CERT_IN_CHAIN: "its TLS certificate comes from an authority that is not trusted",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its TLS certificate comes from an authority that is not trusted",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its TLS certificate chain is incomplete; the intermediate certificate is missing",
  ERR_TLS_CERT_ALTNAME_INVALID: "its TLS certificate is for another host name",
  EPROTO: "it does not speak TLS as expected",
  ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak TLS on that port",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "it does not speak TLS on that port",
  UND_ERR_HEADERS_OVERFLOW: "its answer has more than 16 KiB of headers",
  HTTPParserError: "its answer is not valid HTTP/1.1",
  UND_ERR_INVALID_ARG: "the request itself is not valid; look at its headers"
}

const explain = (code: string): string => explanations[code] ?? `the exchange failed with ${code}`

const codeOf = (error: Error): string => ("code" in error && typeof error.code === "string" ? error.code : error.name)

/**
 * No answer came. `code` is that of Node, OpenSSL or undici (`ECONNREFUSED`, `CERT_HAS_EXPIRED`, `UND_ERR_SOCKET`),
 * or the error's name where it has none; `message` says it for people. Neither carries the address that the name resolved to.
 */
export class Unreachable extends Schema.TaggedError<Unreachable>()("Unreachable", {
  host: Schema.String,
  code: Schema.String
}) {
  static fromError(host: string, error: Error): Unreachable {
    return new Unreachable({ host, code: codeOf(error) })
  }

  override get message(): string {
    return `${this.host} could not be reached: ${explain(this.code)}.`
  }
}
