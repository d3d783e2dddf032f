/**
 * Defaults of schema fields.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/**
 * A schema with one default, for decoding (given in the encoded form) and for nothing else.
 *
 * @category schemas
 * @since 0.1.0
 */
export const withDefault = <S extends Schema.Constraint>(
  encoded: S["Encoded"]
): (self: S) => Schema.withDecodingDefaultKey<S> => Schema.withDecodingDefaultKey<S>(Effect.succeed(encoded))
