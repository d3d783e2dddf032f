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

/** How many words are asked for at once: 10 to 40 ms. */
const MAX_WORDS = 8

/**
 * Reads a sentence step by step, its unknown words included: each call asks for a few of these. Gives `undefined` until the
 * pieces are complete.
 *
 * @category conversions
 * @since 0.1.0
 */
export const reading = (
  reader: PhonemeReader,
  letters: AskLetters,
  sentence: Sentence,
  options?: ReadOptions
): () => Promise<ReadonlyArray<Piece> | undefined> => {
  const said = new Map<string, string>()
  let unknown: Array<string> = []
  let rounds = 0
  return async () => {
    for (const word of unknown.splice(0, MAX_WORDS)) said.set(word, await letters(word))
    if (unknown.length > 0) return undefined
    const found = reader.read(sentence, (word) => said.get(word), options)
    if (found.unknown.length === 0 || ++rounds === MAX_ROUNDS) return found.pieces
    unknown = [...found.unknown]
    return undefined
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
  const next = reading(reader, letters, sentence, options)
  let pieces = await next()
  while (pieces === undefined) pieces = await next()
  return pieces
}
