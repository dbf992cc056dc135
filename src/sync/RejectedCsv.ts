import { Stream } from "effect"
import { neutralise } from "../contacts/CsvCell.ts"
import { csvText } from "../contacts/CsvLines.ts"
import type { RejectRow } from "./SyncRecordRepo.ts"

const header = ["contactId", "email", "firstName", "lastName", "field", "reason"]

/** Rejected contacts as a CSV file, a header before them; safe to open in a spreadsheet program. */
export const rejectedCsv = <E>(rows: Stream.Stream<RejectRow, E>): Stream.Stream<string, E> =>
  Stream.concat(
    Stream.succeed(csvText([header])),
    Stream.map(rows, ({ contactId, email, firstName, lastName, field, reason }) =>
      csvText([[contactId, email, firstName ?? "", lastName ?? "", field ?? "", reason].map(neutralise)])
    )
  )
