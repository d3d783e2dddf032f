/**
 * Compares the words of two texts. Pure.
 *
 * @since 0.1.0
 */

/**
 * The words of a text: in lower case, without punctuation.
 *
 * @category conversions
 * @since 0.1.0
 */
export const wordsOf = (text: string): ReadonlyArray<string> =>
  text.toLowerCase().replaceAll(/['’]/gu, "").split(/[^\p{L}\p{M}\p{N}]+/u).filter((word) => word !== "")

/**
 * The least number of words to insert, delete or replace.
 *
 * @category conversions
 * @since 0.1.0
 */
export const edits = (reference: ReadonlyArray<string>, heard: ReadonlyArray<string>): number => {
  let row = Array.from({ length: heard.length + 1 }, (_, i) => i)
  for (const [i, word] of reference.entries()) {
    const next = [i + 1]
    for (const [j, other] of heard.entries()) {
      next.push(
        Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + (word === other ? 0 : 1))
      )
    }
    row = next
  }
  return row[heard.length] ?? 0
}

/**
 * The share of the words of a text that were heard wrong, of 1: insertions count as well.
 *
 * @category conversions
 * @since 0.1.0
 */
export const errorRate = (reference: string, heard: string): number => {
  const words = wordsOf(reference)
  return edits(words, wordsOf(heard)) / Math.max(1, words.length)
}
