import { stringify } from "csv-stringify/sync"

/**
 * Rows as text of a CSV file (RFC 4180: CRLF, quotes where needed). Cells that hold what could be taken for a separator
 * or a line break by any program are in quotes. Cells of people's own words have to be neutralised before.
 */
export const csvText = (rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  stringify([...rows], { record_delimiter: "\r\n", quoted_match: /[;\t\r\n]/ })
