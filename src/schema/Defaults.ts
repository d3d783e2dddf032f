/**
 * Defaults of schema fields.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/**
 * Gives a field a default for decoding, in its encoded form. A field that is present is decoded in a single stage, so that
 * all faults inside it are found at once; the default is decoded once, when it is first needed.
 *
 * @category schemas
 * @since 0.1.0
 */
export const withDefault =
  <S extends Schema.Codec<unknown, unknown>>(encoded: S["Encoded"]) =>
  (self: S): Schema.withDecodingDefaultTypeKey<S> => {
    let value: { readonly decoded: S["Type"] } | undefined
    return Schema.withDecodingDefaultTypeKey<S>(
      Effect.sync(() => (value ??= { decoded: Schema.decodeSync(self)(encoded) }).decoded)
    )(self)
  }
