/**
 * Finds pronunciations that a line gives itself: `[hibari](/hibˈɑɹi/)`.
 *
 * @since 0.1.0
 */

/**
 * A pronunciation in a line.
 *
 * - `start`, `end`: its place, brackets included.
 * - `text`: the word, which begins one after `start`.
 * - `phonemes`: what is said for it; `undefined` when what is given are no phonemes.
 *
 * @category models
 * @since 0.1.0
 */
export interface InlinePhonemes {
  readonly start: number
  readonly end: number
  readonly text: string
  readonly phonemes: string | undefined
}

const phonemesOf = (given: string): string | undefined => {
  if (given.length < 2 || !given.startsWith("/") || !given.endsWith("/")) return undefined
  let to = given.length
  while (to > 1 && given[to - 1] === "/") to--
  return given.slice(1, to)
}

/**
 * The pronunciations of a line, in order.
 *
 * @category parsing
 * @since 0.1.0
 */
export const find = (line: string): ReadonlyArray<InlinePhonemes> => {
  const found: Array<InlinePhonemes> = []
  let from = 0
  for (let middle = line.indexOf("]("); middle !== -1; middle = line.indexOf("](", middle + 1)) {
    // where there is none for this one, there is none for any after it
    const end = line.indexOf(")", middle + 2)
    if (end === -1) break
    if (middle < from) continue
    const start = line.indexOf("[", Math.max(from, line.lastIndexOf("]", middle - 1) + 1))
    if (start !== -1 && start + 1 < middle) {
      found.push({
        start,
        end: end + 1,
        text: line.slice(start + 1, middle),
        phonemes: phonemesOf(line.slice(middle + 2, end))
      })
      from = end + 1
    }
  }
  return found
}
