/**
 * Words out of timed characters. Pure.
 *
 * @since 0.1.0
 */
import type { SpokenWord } from "../../../speech/TextToSpeech.ts"

/**
 * Characters with their times in ms, of one piece of audio.
 *
 * @category models
 * @since 0.1.0
 */
export interface TimedCharacters {
  readonly chars: ReadonlyArray<string>
  readonly startsMs: ReadonlyArray<number>
  readonly durationsMs: ReadonlyArray<number>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface CharacterWords {
  /** The words that are complete with these characters, whose times count from `offsetMs`. */
  readonly push: (piece: TimedCharacters, offsetMs: number) => ReadonlyArray<SpokenWord>
  /** The last word, when nothing more comes. */
  readonly flush: () => ReadonlyArray<SpokenWord>
}

/**
 * Makes words of characters that come in pieces: a word may begin in one and end in another. White space parts words and
 * belongs to none; times are brought into order, for a history reads them so.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): CharacterWords => {
  let text = ""
  let startMs = 0
  let endMs = 0
  let reached = 0

  const flush = (): ReadonlyArray<SpokenWord> => {
    if (text === "") return []
    const word = { text, startMs, endMs }
    text = ""
    return [word]
  }

  return {
    push: ({ chars, durationsMs, startsMs }, offsetMs) => {
      const words: Array<SpokenWord> = []
      for (const [i, char] of chars.entries()) {
        if (char.trim() === "") {
          words.push(...flush())
          continue
        }
        const from = Math.max(reached, offsetMs + (startsMs[i] ?? 0))
        const to = Math.max(from, offsetMs + (startsMs[i] ?? 0) + Math.max(0, durationsMs[i] ?? 0))
        if (text === "") startMs = from
        text += char
        endMs = reached = to
      }
      return words
    },
    flush
  }
}
