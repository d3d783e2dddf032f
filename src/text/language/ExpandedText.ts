/**
 * A text whose numbers are words, and how it belongs to the text that was written. Pure.
 *
 * @since 0.1.0
 */

/**
 * A part of the text that was replaced: from `start` to `end` in the written text, from `spokenStart` to `spokenEnd` in the
 * spoken one. The parts between them are equal.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExpandedSpan {
  readonly start: number
  readonly end: number
  readonly spokenStart: number
  readonly spokenEnd: number
}

/**
 * A text whose numbers are words. The spans are in order and do not overlap.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExpandedText {
  readonly text: string
  readonly spans: ReadonlyArray<ExpandedSpan>
}

/**
 * Returns the place in the spoken text that belongs to a place in the written text; in a part that was replaced, in proportion.
 *
 * @category accessors
 * @since 0.1.0
 */
export const spokenOffset = (expanded: ExpandedText, offset: number): number => {
  let low = 0
  let high = expanded.spans.length
  // the last span that begins before the offset
  while (low < high) {
    const middle = (low + high) >> 1
    if ((expanded.spans[middle]?.start ?? 0) < offset) low = middle + 1
    else high = middle
  }
  const span = expanded.spans[low - 1]
  if (span === undefined) return offset
  if (offset >= span.end) return span.spokenEnd + offset - span.end
  const share = (offset - span.start) / (span.end - span.start)
  return span.spokenStart + Math.floor(share * (span.spokenEnd - span.spokenStart))
}

/**
 * Returns for each word of the written text how many words of the spoken text it became. The counts add up to the words of the
 * spoken text; words are separated by white space.
 *
 * @category accessors
 * @since 0.1.0
 */
export const spokenWordCounts = (written: string, expanded: ExpandedText): ReadonlyArray<number> => {
  const starts = Array.from(expanded.text.matchAll(/\S+/gu), (word) => word.index)
  const ends = Array.from(written.matchAll(/\S+/gu), (word) => word.index + word[0].length)
  let spoken = 0
  return ends.map((end, index) => {
    const limit = index === ends.length - 1 ? Infinity : spokenOffset(expanded, end)
    const before = spoken
    while (spoken < starts.length && (starts[spoken] ?? 0) < limit) spoken++
    return spoken - before
  })
}
