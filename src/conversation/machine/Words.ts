/**
 * Comparing what was said: words without case and punctuation.
 *
 * @since 0.1.0
 */

const normal = (text: string): ReadonlyArray<string> =>
  text.toLowerCase().replace(/[‘’`]/gu, "'").replace(/[^\p{L}\p{M}\p{N}']+/gu, " ").trim().split(" ").filter((word) =>
    word !== ""
  )

/**
 * The parts in one text, with a space between.
 *
 * @category combinators
 * @since 0.1.0
 */
export const join = (...parts: ReadonlyArray<string>): string =>
  parts.map((part) => part.trim()).filter(Boolean).join(" ")

/**
 * @category accessors
 * @since 0.1.0
 */
export const wordCount = (text: string): number => normal(text).length

/**
 * Whether two texts have the same words.
 *
 * @category predicates
 * @since 0.1.0
 */
export const sameWords = (a: string, b: string): boolean => normal(a).join(" ") === normal(b).join(" ")

/**
 * Whether words repeat, in one piece, what has just been said; how few they may be.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isWithin = (words: string, said: string): boolean => {
  const heard = normal(words)
  return heard.length > 0 && ` ${normal(said).join(" ")} `.includes(` ${heard.join(" ")} `)
}

/** Fewer words than this may be in anybody's mouth. */
const ECHO_WORDS = 3

/**
 * Whether words only repeat, in one piece, what has just been said: a loudspeaker heard by its own microphone. Fewer than
 * three words are never taken for an echo.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isEcho = (words: string, said: string): boolean => wordCount(words) >= ECHO_WORDS && isWithin(words, said)
