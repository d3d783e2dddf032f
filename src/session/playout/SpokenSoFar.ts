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
}

/** Slow speech: an unfinished text counts as at least this long, so that no word counts as heard too early. */
const MS_PER_CHARACTER = 60

const wordsIn = (text: string, fraction: number): string => {
  const words = text.split(/(?<=\s)/u)
  const until = text.length * fraction
  let taken = ""
  for (const word of words) {
    if (taken.length + word.trimEnd().length > until) break
    taken += word
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
  for (const [index, { startMs, text, words }] of texts.entries()) {
    if (startMs >= playedMs) break
    const next = texts[index + 1]?.startMs ?? endMs
    if (next !== undefined && playedMs >= next) {
      said.push(text.trim())
    } else if (words.length > 0) {
      said.push(words.filter((word) => startMs + word.endMs <= playedMs).map((word) => word.text).join(" "))
    } else {
      const end = next ?? Math.max(startMs + text.length * MS_PER_CHARACTER, playedMs + 1)
      said.push(wordsIn(text, (playedMs - startMs) / (end - startMs)))
    }
  }
  return said.filter((text) => text !== "").join(" ")
}
