/**
 * Reads JSON that came from outside: parsing without an exception, and the test for an object.
 *
 * The caller bounds the length of the text; a failed parse says nothing more, because the parser's message quotes the
 * text.
 *
 * @since 0.1.0
 */

/**
 * An object of JSON, its values not looked at yet.
 *
 * @category models
 * @since 0.1.0
 */
export interface JsonRecord {
  readonly [key: string]: unknown
}

/**
 * Checks whether a value is an object: not `null`, not an array.
 *
 * @category guards
 * @since 0.1.0
 */
export const isRecord = (value: unknown): value is JsonRecord =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * Parses JSON; `undefined`, which is no JSON value, when the text is malformed.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * Parses a JSON object; `undefined` when the text is malformed or another JSON value.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parseRecord = (text: string): JsonRecord | undefined => {
  const value = parse(text)
  return isRecord(value) ? value : undefined
}

/**
 * Parses JSON; a malformed text is returned as it is, for the schema that reads it next to refuse.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parseOrText = (text: string): unknown => {
  const value = parse(text)
  return value === undefined ? text : value
}
