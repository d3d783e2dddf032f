/**
 * Where sentences end. Pure.
 *
 * @since 0.1.0
 */

const segmenter = new Intl.Segmenter("en", { granularity: "sentence" })
// a title or an initial: its full stop ends no sentence
const abbreviation = /(?:^|\s)(?:Mr|Mrs|Ms|Dr|Prof|St|vs|etc|e\.g|i\.e|[A-Z])\.\s*$/u
const decided = /[\p{L}\n]/u

/** Signs that mean nothing to the segmenter but where sentences end, and those only before a space. */
const odd = /[^A-Za-z\u00C0-\u017F\d ,.!?'’"%()$€-]|[.!?](?! [A-Za-z]| ?$)/u
const stop = /[.!?] /gu
const small = /[a-z]/u

/**
 * Where the first sentence of plain text ends; 0 when it may go on, `undefined` when only the segmenter can tell, which
 * takes much longer.
 *
 * @category accessors
 * @since 0.1.0
 */
export const plainSentenceEnd = (text: string): number | undefined => {
  // all of it has come
  const whole = text.endsWith("\n\n")
  if (text === "\n") return 1
  if (odd.test(whole ? text.slice(0, -2) : text)) return undefined
  stop.lastIndex = 0
  for (let match = stop.exec(text); match !== null; match = stop.exec(text)) {
    const end = match.index + 2
    if (end === text.length || (whole && end === text.length - 2)) break
    if (match[0] === ". " && (small.test(text.charAt(end)) || abbreviation.test(text.slice(0, end)))) continue
    return end
  }
  return whole && !abbreviation.test(text) ? text.length - 1 : 0
}

/**
 * Where the first sentence ends, as the segmenter sees it; 0 when it may go on.
 *
 * @category accessors
 * @since 0.1.0
 */
export const segmenterSentenceEnd = (text: string): number => {
  let end = 0
  for (const { index, segment } of segmenter.segment(text)) {
    // the last segment may go on
    if (index + segment.length === text.length && !/\n\s*$/u.test(segment)) break
    end = index + segment.length
    // a full stop before a small letter ends nothing: look as far as the next word
    if (!decided.test(text.slice(end)) && !/\n\s*$/u.test(segment)) {
      end = 0
      break
    }
    if (!abbreviation.test(text.slice(0, end))) break
    end = 0
  }
  return end
}
