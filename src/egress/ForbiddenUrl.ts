import { Schema } from "effect"

const messages = {
  unparsable: "This is not a URL that can be called. It has the form https://example.com/path",
  scheme: "The URL must begin with https://",
  userinfo: "The URL must not carry a user name or password before the @. Send credentials in a header",
  port: "The port of this URL belongs to another protocol than HTTP. Use 443 or a port of your own",
  address: "This URL may not be called: its host must be a name or an address of the public internet"
}

/**
 * A URL that the egress guard refuses. `reason` says which rule it breaks; `address` is one and the same for every
 * blocked address and name, and nothing in here tells what a name resolved to.
 */
export class ForbiddenUrl extends Schema.TaggedError<ForbiddenUrl>()("ForbiddenUrl", {
  reason: Schema.Literals(["unparsable", "scheme", "userinfo", "port", "address"])
}) {
  override get message(): string {
    return messages[this.reason]
  }
}
