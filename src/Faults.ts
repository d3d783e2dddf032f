/**
 * Decodes what comes from outside and names *every* fault by its path.
 *
 * Values never appear in a message: they may be keys, tokens or a user's words.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { InvalidConfig } from "./BackendError.ts"

/**
 * One thing that is wrong: where (`session.resume_window`) and what.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fault {
  readonly path: string
  readonly message: string
}

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/**
 * The faults of a schema error, each with its path from `at`, in the order of the document.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromSchemaError = (error: Schema.SchemaError, at: ReadonlyArray<string> = []): ReadonlyArray<Fault> =>
  format(error.issue).issues.map((issue) => ({
    path: [...at, ...(issue.path ?? []).map((key) => String(typeof key === "object" ? key.key : key))].join("."),
    message: issue.message
  }))

/**
 * The error for a list of faults: they all stand in the message, a line each, and in `details.faults`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const toError = (op: string, what: string, faults: ReadonlyArray<Fault>): InvalidConfig =>
  new InvalidConfig({
    op,
    message: `${what}: ${faults.map((fault) => `${fault.path || "(root)"}: ${fault.message}`).join("; ")}`,
    details: { faults }
  })

/**
 * Decodes an unknown value; all its faults become one `invalid_config`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = <A, I>(
  schema: Schema.Codec<A, I>,
  value: unknown,
  options: { readonly op: string; readonly what: string; readonly at?: ReadonlyArray<string> | undefined }
): Effect.Effect<A, InvalidConfig> =>
  Schema.decodeUnknownEffect(schema, { errors: "all", onExcessProperty: "error" })(value).pipe(
    Effect.mapError((error) => toError(options.op, options.what, fromSchemaError(error, options.at)))
  )
