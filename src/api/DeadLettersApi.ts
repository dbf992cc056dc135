import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { DeadLetter, DeadLetterNotFound } from "../domain/DeadLetter.ts"
import { AdminOnly, Authentication } from "./Authentication.ts"
import { Paged, PageQuery, Success } from "./Paging.ts"
import { asProblem } from "./Problem.ts"
import { UserRateLimit, Validation } from "./RequestRules.ts"

const NotFound = DeadLetterNotFound.pipe(asProblem("DeadLetterNotFound", 404))
const id = { id: Schema.String }

/** Outbox rows of all users that can't become events; needs the scope `admin`. */
export class DeadLettersApi extends HttpApiGroup.make("deadLetters")
  .add(
    HttpApiEndpoint.get("list", "/", { query: PageQuery, success: Paged(DeadLetter) }).annotate(
      OpenApi.Summary,
      "List dead letters, the newest first"
    ),
    HttpApiEndpoint.get("get", "/:id", { params: id, success: DeadLetter, error: NotFound }).annotate(
      OpenApi.Summary,
      "Show a dead letter"
    ),
    HttpApiEndpoint.post("retry", "/:id/retry", { params: id, success: Success, error: NotFound }).annotate(
      OpenApi.Summary,
      "Put a dead letter back into the outbox, as a new event"
    )
  )
  .prefix("/integrations/dead-letters")
  .middleware(AdminOnly)
  .middleware(Validation)
  .middleware(UserRateLimit)
  .middleware(Authentication)
  .annotateMerge(OpenApi.annotations({ title: "Dead letters" })) {}
