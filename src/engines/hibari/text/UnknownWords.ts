/**
 * Reads sentences whose unknown words are answered by the letter network, and remembers its answers.
 *
 * @since 0.1.0
 */
import * as LetterNet from "./LetterNet.ts"
import type { PhonemeReader, Piece, ReadOptions, Sentence } from "./PhonemeReader.ts"

/**
 * Runs the letter network on its input `chars` and gives its output `ids`.
 *
 * @category models
 * @since 0.1.0
 */
export type RunLetters = (chars: BigInt64Array) => Promise<ArrayLike<bigint | number>>

/**
 * Gives the phonemes of a word by the letter network.
 *
 * @category models
 * @since 0.1.0
 */
export type AskLetters = (word: string) => Promise<string>

/** How many words are remembered. */
const MAX_REMEMBERED = 4_096
/** What a word is said like never decides whether another is known, so the second reading is complete; one more is a net. */
const MAX_ROUNDS = 3

/**
 * Asks the letter network, and remembers the last words that it was asked.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ask = (tables: LetterNet.LetterTables, run: RunLetters): AskLetters => {
  const answers = new Map<string, string>()
  return async (word) => {
    const known = answers.get(word)
    if (known !== undefined) return known
    const chars = LetterNet.encode(tables, word)
    const answer = chars === undefined ? "" : LetterNet.decode(tables, await run(chars))
    answers.set(word, answer)
    if (answers.size > MAX_REMEMBERED) {
      const [oldest] = answers.keys()
      if (oldest !== undefined) answers.delete(oldest)
    }
    return answer
  }
}

/**
 * Reads a sentence, its unknown words included.
 *
 * @category conversions
 * @since 0.1.0
 */
export const read = async (
  reader: PhonemeReader,
  letters: AskLetters,
  sentence: Sentence,
  options?: ReadOptions
): Promise<ReadonlyArray<Piece>> => {
  const said = new Map<string, string>()
  for (let round = 1;; round++) {
    const { pieces, unknown } = reader.read(sentence, (word) => said.get(word), options)
    if (unknown.length === 0 || round === MAX_ROUNDS) return pieces
    for (const word of unknown) said.set(word, await letters(word))
  }
}
