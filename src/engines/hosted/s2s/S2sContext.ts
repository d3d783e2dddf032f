/**
 * The conversation as a hosted model knows it, to be told to the next connection.
 *
 * @since 0.1.0
 */

/**
 * @category models
 * @since 0.1.0
 */
export interface Remembered {
  readonly role: "user" | "agent"
  readonly text: string
}

/** A message that is still being made, or that may yet be cut. */
interface Entry {
  readonly role: "user" | "agent"
  readonly key: string
  /** Pieces with the place of their audio, in ms of the reply; all at 0 where there is none. */
  pieces: Array<{ readonly text: string; readonly atMs: number }>
  characters: number
}

/** A message is remembered so far. */
const MAX_MESSAGE = 16_384
/** What a new connection is told: the last of it. */
const MAX_ENTRIES = 100
const MAX_CHARACTERS = 32_000

/**
 * @category models
 * @since 0.1.0
 */
export class S2sContext {
  readonly #entries: Array<Entry> = []

  constructor(history: ReadonlyArray<Remembered>) {
    for (const { role, text } of history.slice(-MAX_ENTRIES)) {
      this.#entries.push({ role, key: "", pieces: [{ text, atMs: 0 }], characters: text.length })
    }
  }

  /** Adds to a message; the first piece, which may be empty, gives it its place. */
  add(role: "user" | "agent", key: string, text: string, atMs = 0): void {
    const entry = this.#entries.findLast((other) => other.role === role && other.key === key)
    if (entry !== undefined) {
      if (text === "" || entry.characters + text.length > MAX_MESSAGE) return
      entry.characters += text.length
      entry.pieces.push({ text, atMs })
      return
    }
    this.#entries.push({ role, key, pieces: [{ text, atMs }], characters: text.length })
    if (this.#entries.length > MAX_ENTRIES) this.#entries.shift()
  }

  /** Forgets what of a reply begins after it was stopped. */
  cut(key: string, playedMs: number): void {
    const entry = this.#entries.findLast((other) => other.role === "agent" && other.key === key)
    if (entry !== undefined) entry.pieces = entry.pieces.filter(({ atMs }) => atMs < playedMs)
  }

  /** Forgets a message of the user's. */
  remove(key: string): void {
    const at = this.#entries.findLastIndex((entry) => entry.role === "user" && entry.key === key)
    if (at >= 0) this.#entries.splice(at, 1)
  }

  /** The conversation so far, the oldest first, within what a model can be told at once. */
  get said(): ReadonlyArray<Remembered> {
    const said: Array<Remembered> = []
    let characters = 0
    for (const { pieces, role } of this.#entries.toReversed()) {
      const text = pieces.map((piece) => piece.text).join("").trim()
      if (text === "") continue
      characters += text.length
      if (characters > MAX_CHARACTERS) break
      said.push({ role, text })
    }
    return said.reverse()
  }
}
