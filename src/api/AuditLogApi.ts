import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { AuditEntry } from "../domain/AuditEntry.ts"
import { Authentication } from "./Authentication.ts"
import { Paged, PageQuery } from "./Paging.ts"
import { UserRateLimit, Validation } from "./RequestRules.ts"

/** Who changed what. */
export class AuditLogApi extends HttpApiGroup.make("auditLog")
  .add(
    HttpApiEndpoint.get("list", "/audit-log", { query: PageQuery, success: Paged(AuditEntry) }).annotate(
      OpenApi.Summary,
      "List the changes of a user's things, the newest first"
    )
  )
  .middleware(Validation)
  .middleware(UserRateLimit)
  .middleware(Authentication)
  .annotateMerge(OpenApi.annotations({ title: "Audit log" })) {}
