/**
 * The words of a reply that have been spoken at a position of its playout. Pure.
 *
 * @since 0.1.0
 */
import { frameMs } from "../../audio/AudioFormat.ts"
import type { SpokenWord } from "../../speech/TextToSpeech.ts"

/**
 * A text, and where its speech begins in ms from the first frame of the reply.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpokenText {
  readonly text: string
  readonly startMs: number
  readonly words: Array<SpokenWord>
  /** How many characters are said for each of its words, where that is not as many as it has. */
  readonly lengths?: ReadonlyArray<number> | undefined
  /** Where its speech ends, once that is known, and whether all of it was spoken. */
  end?: { readonly atMs: number; readonly isWhole: boolean } | undefined
}

/** Slow speech, 125 words a minute. */
const MS_PER_CHARACTER = 80

/** Texts with fewer characters say nothing about the speed of a voice. */
const MIN_MEASURED = 8

const lengthOf = ({ lengths, text }: SpokenText): number =>
  lengths === undefined ? text.length : lengths.reduce((sum, length) => sum + length, 0)

const wordsIn = (spokenText: SpokenText, fraction: number): string => {
  const { lengths, text } = spokenText
  const words = text.split(/(?<=\s)/u)
  const until = lengthOf(spokenText) * fraction
  let taken = ""
  let said = 0
  for (const [i, word] of words.entries()) {
    if (said + (lengths?.[i] ?? word.trimEnd().length) > until) break
    taken += word
    said += lengths?.[i] ?? word.length
  }
  return taken.trim()
}

/**
 * How slowly a text that was spoken from its beginning to its end was spoken, in ms a character; `undefined` for a short one.
 *
 * @category accessors
 * @since 0.1.0
 */
export const msPerCharacter = (spokenText: SpokenText, endMs: number): number | undefined => {
  const length = lengthOf(spokenText)
  return length < MIN_MEASURED ? undefined : (endMs - spokenText.startMs) / length
}

/**
 * The words whose audio has ended at `playedMs`. Word timings are used where the engine gave them, unless they are of more words
 * than the text can have; otherwise a text counts as spoken evenly: to its end, or where that is not known as slowly as the
 * voice speaks, so that no word counts as heard too early.
 *
 * @category accessors
 * @since 0.1.0
 */
export const spoken = (texts: ReadonlyArray<SpokenText>, playedMs: number, slowestMs = MS_PER_CHARACTER): string => {
  const said: Array<string> = []
  for (const spokenText of texts) {
    const { end, startMs, text, words } = spokenText
    if (startMs >= playedMs) break
    const heardMs = Math.min(playedMs, end?.atMs ?? Number.POSITIVE_INFINITY) - startMs
    const wholeMs = end?.isWhole === true ? end.atMs - startMs : undefined
    // the rest of a frame is sent with what comes next
    if (wholeMs !== undefined && wholeMs - heardMs < frameMs) {
      said.push(text.trim())
    } else if (words.length > 0 && words.length <= text.length) {
      said.push(words.filter((word) => word.endMs <= heardMs).map((word) => word.text).join(" "))
    } else {
      const ms = wholeMs ?? Math.max(lengthOf(spokenText) * slowestMs, heardMs + 1)
      said.push(wordsIn(spokenText, heardMs / ms))
    }
  }
  return said.filter((text) => text !== "").join(" ")
}
