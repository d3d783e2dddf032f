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

/** The bytes of the code point at this index, and how many code units it takes. */
const sizeAt = (text: string, index: number): { readonly bytes: number; readonly units: number } => {
  const code = text.codePointAt(index) ?? 0
  if (code > 0xffff) return { bytes: 4, units: 2 }
  if (code >= 0xd800 && code <= 0xdfff) return { bytes: MAX_UNIT_BYTES, units: 1 }
  if (code >= 0x800) return { bytes: 3, units: 1 }
  if (code >= 0x80) return { bytes: 2, units: 1 }
  if (code >= 0x20) return { bytes: code === 0x22 || code === 0x5c ? 2 : 1, units: 1 }
  return { bytes: "\b\t\n\f\r".includes(text.charAt(index)) ? 2 : MAX_UNIT_BYTES, units: 1 }
}

/** How many code units from the beginning fit into so many bytes, and how many bytes they take. */
const fit = (text: string, maxBytes: number): { readonly units: number; readonly bytes: number } => {
  let bytes = 0
  let units = 0
  while (units < text.length) {
    const size = sizeAt(text, units)
    if (bytes + size.bytes > maxBytes) break
    bytes += size.bytes
    units += size.units
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
