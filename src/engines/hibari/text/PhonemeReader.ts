/**
 * What reads English text as phonemes for the acoustic network, and what it gives: the types between the text and the sound
 * of the voice.
 *
 * A text is cut into sentences, each sentence is read into pieces that the network takes at once, and each piece knows which
 * of its phoneme ids belong to which word of the text as it was given, so that the words have times. Reading is pure and
 * synchronous; words that are not in the lexicon are named, to be answered by the letter network before the sentence is read
 * again (`UnknownWords.read` does both).
 *
 * @since 0.1.0
 */

/**
 * A sentence of a text. `start` is its offset in the text, in UTF-16 units.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sentence {
  readonly text: string
  readonly start: number
}

/**
 * A word of the text (a run without white space) and the phoneme ids that say it.
 *
 * - `start`, `end`: its place in the text as it was given, in UTF-16 units.
 * - `firstId`, `endId`: the first of its ids in `Piece.ids`, and the one after its last. Spaces and punctuation around it are
 *   not included. Equal when the word makes no sound of its own (an emoji, or the "Rs." that is said after its number).
 *
 * The words of a piece are in order, and so are their ids. Where the text is said in other words than it is written ("9:30 am"),
 * the parts are shared out as well as it can be known.
 *
 * @category models
 * @since 0.1.0
 */
export interface PieceWord {
  readonly start: number
  readonly end: number
  readonly firstId: number
  readonly endId: number
}

/**
 * What the acoustic network says at once.
 *
 * - `phonemes`: at most 400 signs (code points); at most 800 where no punctuation allows a cut.
 * - `ids`: one for each sign that the network knows, between two zeros; at least three.
 * - `words`: the words that it says, and silent ones between them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Piece {
  readonly phonemes: string
  readonly ids: ReadonlyArray<number>
  readonly words: ReadonlyArray<PieceWord>
}

/**
 * - `pieces`: the sentence's, in order; none when nothing can be said. They are final when `unknown` is empty.
 * - `unknown`: the words that were missing, each once. They are silent in `pieces`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reading {
  readonly pieces: ReadonlyArray<Piece>
  readonly unknown: ReadonlyArray<string>
}

/**
 * Gives the phonemes of a word that is not in the lexicon, `""` for none; `undefined` when they are not known yet.
 *
 * @category models
 * @since 0.1.0
 */
export type Said = (word: string) => string | undefined

/**
 * - `longest`: how many signs a piece has at most, where a comma, semicolon, colon or dash allows a cut; twice as many where none
 *   does. Default 400, and not more.
 * - `longestFirst`: the same for the first piece of the sentence, for an early start. Default `longest`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReadOptions {
  readonly longest?: number | undefined
  readonly longestFirst?: number | undefined
}

/**
 * Reads text with one accent. It never throws, and takes time in proportion to the text's length.
 *
 * @category models
 * @since 0.1.0
 */
export interface PhonemeReader {
  /** Cuts a text at its sentences, and sentences of more than 2,000 characters between words. */
  readonly sentences: (text: string) => ReadonlyArray<Sentence>
  readonly read: (sentence: Sentence, said: Said, options?: ReadOptions) => Reading
}
