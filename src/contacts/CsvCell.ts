/**
 * Keeps cells of a CSV file from being run as formulas by spreadsheet programs.
 * Source: https://owasp.org/www-community/attacks/CSV_Injection
 */

/** What a spreadsheet takes for the beginning of a formula, the full-width forms too; behind marks of ours or not. */
const formula = /^'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/

/** A number, or a telephone number: nothing in it can be a function or the name of a cell. */
const number = /^[+-]?(?:\d+(?:[.,]\d+)*(?:[eE][+-]?\d+)?|[.,]\d+)$|^[+-](?=[\d(])[\d ().\-/]*$/

/**
 * A text as a cell: one that a spreadsheet would run gets an apostrophe before it, with which it shows as text.
 * Numbers and telephone numbers (`-12.5`, `+1 555-0100`) stay readable as they are.
 */
export const neutralise = (text: string): string => (formula.test(text) && !number.test(text) ? `'${text}` : text)

/** The text of a cell: undoes {@link neutralise}. */
export const restore = (cell: string): string => (cell.startsWith("'") && formula.test(cell) ? cell.slice(1) : cell)
