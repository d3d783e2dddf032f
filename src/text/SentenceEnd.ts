/**
 * Finds the ends of sentences. Pure.
 *
 * @since 0.1.0
 */

const segmenter = new Intl.Segmenter("en", { granularity: "sentence" })
// the full stop of a title, an abbreviation or an initial does not end a sentence
const abbreviation = /(?:^|\s)(?:Mr|Mrs|Ms|Dr|Prof|St|vs|etc|e\.g|i\.e|[A-Z])\.\s*$/u
/**
 * Whether a text ends with the full stop of a title, an abbreviation or an initial.
 *
 * @category predicates
 * @since 0.1.0
 */
export const endsInAbbreviation = (text: string): boolean => abbreviation.test(text)

const decided = /[\p{L}\n]/u

/** Characters for which only the segmenter can find the end of the sentence. */
const needsSegmenter = /[^A-Za-z\u00C0-\u017F\d ,.!?'’"%()$€-]|[.!?](?! [A-Za-z]| ?$)/u
const stop = /[.!?] /gu
const lowerCase = /[a-z]/u

/**
 * Returns the end of the first sentence of plain text: 0 while the sentence may continue, `undefined` if only the segmenter,
 * which is much slower, can tell.
 *
 * @category accessors
 * @since 0.1.0
 */
export const plainSentenceEnd = (text: string): number | undefined => {
  // the text is complete
  const whole = text.endsWith("\n\n")
  if (text === "\n") return 1
  if (needsSegmenter.test(whole ? text.slice(0, -2) : text)) return undefined
  stop.lastIndex = 0
  for (let match = stop.exec(text); match !== null; match = stop.exec(text)) {
    const end = match.index + 2
    if (end === text.length || (whole && end === text.length - 2)) break
    if (match[0] === ". " && (lowerCase.test(text.charAt(end)) || abbreviation.test(text.slice(0, end)))) continue
    return end
  }
  return whole && !abbreviation.test(text) ? text.length - 1 : 0
}

/**
 * Returns the end of the first sentence by the segmenter; 0 while the sentence may continue.
 *
 * @category accessors
 * @since 0.1.0
 */
export const segmenterSentenceEnd = (text: string): number => {
  let end = 0
  for (const { index, segment } of segmenter.segment(text)) {
    // the last segment may continue
    if (index + segment.length === text.length && !/\n\s*$/u.test(segment)) break
    end = index + segment.length
    // whether a full stop ends the sentence depends on the next word
    if (!decided.test(text.slice(end)) && !/\n\s*$/u.test(segment)) {
      end = 0
      break
    }
    if (!abbreviation.test(text.slice(0, end))) break
    end = 0
  }
  return end
}
