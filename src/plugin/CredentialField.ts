/** The fields of a connect form. Their schema is what validates, masks, documents and redacts credentials. */
import { Schema } from "effect"

/** How a field of the connect form explains itself. */
export interface FieldText {
  /** The label, such as `Access token`. */
  readonly title: string
  /** Where to find it, in one or two sentences. */
  readonly description: string
  /** A value of the right form, which is nobody's. */
  readonly example: string
}

/** No control characters: values of credentials end up in headers and URLs. */
const printable = Schema.String.check(
  Schema.isPattern(/^[^\p{Cc}\p{Cs}\s](?:[^\p{Cc}\p{Cs}]*[^\p{Cc}\p{Cs}\s])?$/u, {
    message: "Expected a text that is not empty, without line breaks and without spaces around it"
  }),
  Schema.isMaxLength(4096, { message: "Expected at most 4096 characters" })
)

/** A text that anybody may see, such as an id or an address. `form`, if given, is what it has to match. */
export const text = (
  { title, description, example }: FieldText,
  form?: { readonly pattern: RegExp; readonly message: string }
) =>
  (form === undefined
    ? printable
    : printable.check(Schema.isPattern(form.pattern, { message: form.message }))
  ).annotate({ title, description, examples: [example] })

/** A secret, such as a token or a key: shown nowhere but for its last four characters, `Redacted` in the plugin. */
export const secret = (field: FieldText, form?: { readonly pattern: RegExp; readonly message: string }) =>
  Schema.RedactedFromValue(text(field, form)).annotate({
    title: field.title,
    description: field.description,
    isSecret: true
  })

/** Whether a field was made with {@link secret}. */
export const isSecret = (field: Schema.Constraint): boolean => Schema.resolveAnnotations(field)?.isSecret === true
