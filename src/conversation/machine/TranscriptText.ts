/**
 * Compares transcripts: by their words, without case and punctuation.
 *
 * @since 0.1.0
 */
import * as History from "../History.ts"

const wordsOf = (text: string): ReadonlyArray<string> =>
  text.toLowerCase().replace(/[‘’`]/gu, "'").replace(/[^\p{L}\p{M}\p{N}']+/gu, " ").trim().split(" ").filter((word) =>
    word !== ""
  )

/**
 * Joins texts with a space; empty ones are left out. What is too long for an item of the history is cut, with its mark.
 *
 * @category combinators
 * @since 0.1.0
 */
export const joinTexts = (...parts: ReadonlyArray<string>): string =>
  History.cutText(parts.map((part) => part.trim()).filter(Boolean).join(" "))

/**
 * @category accessors
 * @since 0.1.0
 */
export const wordCount = (text: string): number => wordsOf(text).length

/**
 * Whether two texts have the same words.
 *
 * @category predicates
 * @since 0.1.0
 */
export const sameWords = (a: string, b: string): boolean => wordsOf(a).join(" ") === wordsOf(b).join(" ")

/**
 * What follows the words of `beginning` in a text. A recogniser may have changed some of them: at least half must be the
 * same, each in its place. A text that begins otherwise is returned whole.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withoutBeginning = (text: string, beginning: string): string => {
  const [words, first] = [wordsOf(text), wordsOf(beginning)]
  const compared = Math.min(words.length, first.length)
  const same = words.filter((word, index) => index < compared && word === first[index]).length
  if (same === 0 || same * 2 < compared) return text
  const parts = text.trim().split(/\s+/u)
  let count = 0
  while (count < first.length && parts.length > 0) count += wordCount(parts.shift() ?? "")
  return parts.join(" ")
}

/**
 * Whether the words of a text occur in another text, all of them in a row. A text without words does not.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isContained = (text: string, other: string): boolean => {
  const words = wordsOf(text)
  return words.length > 0 && ` ${wordsOf(other).join(" ")} `.includes(` ${words.join(" ")} `)
}

/** Fewer words than this may be the user's own by coincidence. */
const MIN_ECHO_WORDS = 3

/**
 * Whether a transcript only repeats what the agent has just said: its loudspeaker, heard by the user's microphone. Fewer
 * than three words are never taken for an echo.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isEcho = (transcript: string, spokenText: string): boolean =>
  wordCount(transcript) >= MIN_ECHO_WORDS && isContained(transcript, spokenText)
