/**
 * The words of a reply that have been spoken at a position of its playout. Pure.
 *
 * @since 0.1.0
 */
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
}

/** Slow speech: an unfinished text counts as at least this long, so that no word counts as heard too early. */
const MS_PER_CHARACTER = 60

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
 * The words whose audio has ended at `playedMs`. Word timings are used where the engine gave them; otherwise a text counts
 * as spoken evenly. `endMs` is where the last text's audio ends, `undefined` while more may come.
 *
 * @category accessors
 * @since 0.1.0
 */
export const spoken = (texts: ReadonlyArray<SpokenText>, playedMs: number, endMs: number | undefined): string => {
  const said: Array<string> = []
  for (const [index, spokenText] of texts.entries()) {
    const { startMs, text, words } = spokenText
    if (startMs >= playedMs) break
    const next = texts[index + 1]?.startMs ?? endMs
    if (next !== undefined && playedMs >= next) {
      said.push(text.trim())
    } else if (words.length > 0) {
      said.push(words.filter((word) => startMs + word.endMs <= playedMs).map((word) => word.text).join(" "))
    } else {
      const end = next ?? Math.max(startMs + lengthOf(spokenText) * MS_PER_CHARACTER, playedMs + 1)
      said.push(wordsIn(spokenText, (playedMs - startMs) / (end - startMs)))
    }
  }
  return said.filter((text) => text !== "").join(" ")
}
