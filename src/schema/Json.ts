/**
 * Reads JSON that came from outside: parsing without an exception, with a bound on the nesting, and the test for an object.
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
 * JSON with sorted keys: the same text for equal values.
 *
 * @category encoding
 * @since 0.1.0
 */
export const canonical = (value: unknown): string =>
  JSON.stringify(
    value,
    (_, part: unknown) =>
      isRecord(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1)) : part
  ) ?? "null"

/**
 * The deepest nesting of objects and lists that is parsed: 128 levels, far more than anybody writes. `JSON.parse` takes
 * millions, but whatever writes, compares or checks such a value calls itself for each level, and some thousand overflow the
 * stack.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_DEPTH = 128

/** Whether there are more than `MAX_DEPTH` opening brackets, wherever they stand: a native search, for audio in base64. */
const hasManyBrackets = (text: string): boolean => {
  let count = 0
  for (const bracket of ["[", "{"]) {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) {
      if (++count > MAX_DEPTH) return true
    }
  }
  return false
}

const isTooDeep = (text: string): boolean => {
  if (text.length <= 2 * MAX_DEPTH || !hasManyBrackets(text)) return false
  let depth = 0
  let isInString = false
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i)
    if (isInString) {
      if (char === 0x5c) i++
      else if (char === 0x22) isInString = false
    } else if (char === 0x22) isInString = true
    else if (char === 0x5b || char === 0x7b) {
      if (++depth > MAX_DEPTH) return true
    } else if (char === 0x5d || char === 0x7d) depth--
  }
  return false
}

const parseDeep = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * Parses JSON; `undefined`, which is no JSON value, when the text is malformed or nested deeper than `MAX_DEPTH`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (text: string): unknown => isTooDeep(text) ? undefined : parseDeep(text)

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
 * Parses JSON of any depth, which the caller bounds; a malformed text is returned as it is, for the schema that reads it
 * next to refuse.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parseOrText = (text: string): unknown => {
  const value = parseDeep(text)
  return value === undefined ? text : value
}
