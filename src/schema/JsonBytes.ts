/**
 * The length of a text in bytes of JSON, which is what is stored and sent, and the cut of one that is too long. Pure.
 *
 * @since 0.1.0
 */

/**
 * What stands at the end of a text that was cut.
 *
 * @category constants
 * @since 0.1.0
 */
export const CUT_MARK = " […]"

/** A control character, or half of a surrogate pair, is written as `\u0001`: the most that one UTF-16 code unit takes. */
const MAX_UNIT_BYTES = 6

const MARK_BYTES = 6

/** The bytes of a code unit that is no half of a surrogate pair. */
const sizeOf = (code: number): number => {
  if (code >= 0x800) return 3
  if (code >= 0x80) return 2
  if (code >= 0x20) return code === 0x22 || code === 0x5c ? 2 : 1
  return code >= 0x08 && code <= 0x0d && code !== 0x0b ? 2 : MAX_UNIT_BYTES
}

const isPair = (high: number, low: number): boolean => high >= 0xd800 && high < 0xdc00 && low >= 0xdc00 && low < 0xe000

/**
 * How many code units from the beginning fit into so many bytes, and how many bytes they take. It allocates nothing for a
 * character: what a recogniser has heard is counted with each of its transcripts.
 */
const fit = (text: string, maxBytes: number): { readonly units: number; readonly bytes: number } => {
  let bytes = 0
  let units = 0
  while (units < text.length) {
    const code = text.charCodeAt(units)
    const isSurrogate = code >= 0xd800 && code < 0xe000
    // the code unit behind the last is NaN
    const isWhole = isSurrogate && isPair(code, text.charCodeAt(units + 1))
    const size = isWhole ? 4 : isSurrogate ? MAX_UNIT_BYTES : sizeOf(code)
    if (bytes + size > maxBytes) break
    bytes += size
    units += isWhole ? 2 : 1
  }
  return { units, bytes }
}

/**
 * The UTF-8 bytes that a text takes within a JSON string, without the quotes.
 *
 * @category accessors
 * @since 0.1.0
 */
export const lengthOf = (text: string): number => fit(text, Number.POSITIVE_INFINITY).bytes

/**
 * Whether a text takes at most so many bytes within a JSON string. Short texts are not counted.
 *
 * @category predicates
 * @since 0.1.0
 */
export const fits = (text: string, maxBytes: number): boolean =>
  text.length * MAX_UNIT_BYTES <= maxBytes || (text.length <= maxBytes && fit(text, maxBytes).units === text.length)

/**
 * Cuts a text that takes more than so many bytes within a JSON string: its beginning and the mark. A text that was cut and has
 * grown since is cut to the same bytes, with one mark.
 *
 * @category combinators
 * @since 0.1.0
 */
export const cut = (text: string, maxBytes: number): string => {
  if (fits(text, maxBytes)) return text
  const maxKept = Math.max(0, maxBytes - MARK_BYTES)
  const marked = text.indexOf(CUT_MARK)
  const keptBefore = marked < 0 ? Number.NEGATIVE_INFINITY : lengthOf(text.slice(0, marked))
  // one more character did not fit then
  const wasCut = keptBefore <= maxKept && keptBefore > maxKept - MAX_UNIT_BYTES
  return text.slice(0, wasCut ? marked : fit(text, maxKept).units) + CUT_MARK
}
