import { type Config, Context, Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import { publicUrl, publicUrlAt } from "../PublicUrl.ts"

/** Where browsers find this service, as `PUBLIC_URL` says. */
export class Site extends Context.Service<
  Site,
  {
    /** What they send as `Origin` from its own pages. */
    readonly origin: string
    /** Whether they come by https, so that cookies can be kept from every other way. */
    readonly isSecure: boolean
  }
>()("nexus/http/Site") {
  static readonly layer: Layer.Layer<Site, Config.ConfigError, HttpServer.HttpServer> = Layer.effect(
    Site,
    Effect.gen(function* () {
      const { address } = yield* HttpServer.HttpServer
      const { origin, protocol } = new URL(
        address._tag === "UnixPathAddress" ? yield* publicUrl : yield* publicUrlAt(address.port)
      )
      return Site.of({ origin, isSecure: protocol === "https:" })
    })
  )
}
