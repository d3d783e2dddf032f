/**
 * Fields of what vendors send, of which none is worth the rest of a message: one of another shape counts as missing.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/**
 * `null` where the value is of another shape.
 *
 * @category combinators
 * @since 0.1.0
 */
export const orNull = <S extends Schema.Constraint>(schema: S) =>
  Schema.NullOr(schema).pipe(Schema.catchDecoding(() => Effect.succeedSome(null)))

/**
 * A field that may be missing, `null`, or of another shape.
 *
 * @category combinators
 * @since 0.1.0
 */
export const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(orNull(schema))
