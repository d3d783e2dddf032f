/**
 * How a message of the agent was said: which words, and where in its audio. A client that cuts the message says how much of the audio it
 * has played.
 *
 * @since 0.1.0
 */

/** Joins two pieces of what is said. */
const space = (before: string, after: string): string =>
  before === "" || after === "" || /\s$/u.test(before) || /^\s/u.test(after) ? "" : " "

/**
 * What follows a text, with the space between them.
 *
 * @category combinators
 * @since 0.1.0
 */
export const following = (before: string, text: string): string => space(before, text) + text

const words = (text: string): ReadonlyArray<string> => text.split(/(?<=\s)(?=\S)/u)

interface SpokenPiece {
  readonly text: string
  /** Where its audio begins, in ms of the item's audio. */
  readonly atMs: number
}

/**
 * @category models
 * @since 0.1.0
 */
export class SpokenItem {
  readonly turn: number
  /** What was said in all. */
  text = ""
  /** How much audio the item has, in ms. */
  audioMs = 0
  /** Where the item begins in the audio of the reply, in ms. */
  offsetMs = 0
  readonly #pieces: Array<SpokenPiece> = []

  constructor(turn: number) {
    this.turn = turn
  }

  /** The next words. Returns them as they follow what was said before. */
  say(text: string, leadMs: number): string {
    const delta = following(this.text, text)
    this.#pieces.push({ text: delta, atMs: Math.max(0, this.audioMs - leadMs) })
    this.text += delta
    return delta
  }

  /** The words that begin in the first so many ms of the audio, by the speed of the voice. */
  heardIn(ms: number): string {
    let heard = ""
    for (const [i, { atMs, text }] of this.#pieces.entries()) {
      if (atMs >= ms) break
      const endMs = this.#pieces[i + 1]?.atMs ?? this.audioMs
      heard += endMs <= ms || endMs <= atMs ? text : part(text, (ms - atMs) / (endMs - atMs))
    }
    return heard.trim()
  }

  /** Forgets what was said behind these words. Returns what it was. */
  cut(heard: string): string {
    const rest = this.text.startsWith(heard) ? this.text.slice(heard.length).trim() : ""
    this.text = heard
    return rest
  }
}

const part = (text: string, fraction: number): string => {
  let taken = ""
  for (const word of words(text)) {
    if (taken.length + word.trimEnd().length > text.length * fraction) break
    taken += word
  }
  return taken
}

/**
 * Of what was said in several items, what each has of the words that were heard in all.
 *
 * @category combinators
 * @since 0.1.0
 */
export const shares = (items: ReadonlyArray<SpokenItem>, heard: string): ReadonlyArray<string> => {
  if (items.length === 1) return [heard]
  let left = heard.trim() === "" ? 0 : words(heard.trim()).length
  return items.map(({ text }) => {
    const own = text.trim() === "" ? [] : words(text.trim())
    const taken = own.slice(0, left)
    left -= taken.length
    return taken.length === own.length ? text : taken.join("").trim()
  })
}
