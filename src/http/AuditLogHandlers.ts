import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { CurrentUser } from "../api/Authentication.ts"
import { AuditLog } from "../telemetry/AuditLog.ts"
import { paged, pageRequest } from "./Links.ts"

export const AuditLogHandlers = HttpApiBuilder.group(
  Api,
  "auditLog",
  Effect.fn(function* (handlers) {
    const auditLog = yield* AuditLog
    return handlers.handleAll({
      list: Effect.fnUntraced(function* ({ query, request }) {
        return paged(request)(yield* auditLog.list((yield* CurrentUser).userId, pageRequest(query)))
      })
    })
  })
)
