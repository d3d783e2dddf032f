/**
 * The conversation as a hosted model knows it, to be replayed to the next connection.
 *
 * @since 0.1.0
 */

/**
 * A message of the conversation.
 *
 * @category models
 * @since 0.1.0
 */
export interface ContextMessage {
  readonly role: "user" | "agent"
  readonly text: string
}

/** A message that may still grow or be truncated. */
interface Entry {
  readonly role: "user" | "agent"
  readonly key: string
  /** Pieces with the position of their audio in the reply, in ms; 0 without audio. */
  pieces: Array<{ readonly text: string; readonly atMs: number }>
  characters: number
}

/** In characters; the rest of a longer message is dropped. */
const MAX_MESSAGE = 16_384
/** A new connection gets the latest messages within these limits. */
const MAX_ENTRIES = 100
const MAX_CHARACTERS = 32_000

/**
 * Collects the messages of a conversation and truncates what was not played.
 *
 * @category models
 * @since 0.1.0
 */
export class S2sContext {
  readonly #entries: Array<Entry> = []

  constructor(history: ReadonlyArray<ContextMessage>) {
    for (const { role, text } of history.slice(-MAX_ENTRIES)) {
      this.#entries.push({ role, key: "", pieces: [{ text, atMs: 0 }], characters: text.length })
    }
  }

  /** Appends to a message; the first piece, which may be empty, fixes its position in the order. */
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

  /** Removes the pieces of a reply that begin after `playedMs`. */
  truncate(key: string, playedMs: number): void {
    const entry = this.#entries.findLast((other) => other.role === "agent" && other.key === key)
    if (entry !== undefined) entry.pieces = entry.pieces.filter(({ atMs }) => atMs < playedMs)
  }

  /** The text of a reply. */
  textOf(key: string): string {
    const entry = this.#entries.findLast((other) => other.role === "agent" && other.key === key)
    return entry?.pieces.map(({ text }) => text).join("").trim() ?? ""
  }

  /** Removes a message of the user. */
  remove(key: string): void {
    const at = this.#entries.findLastIndex((entry) => entry.role === "user" && entry.key === key)
    if (at >= 0) this.#entries.splice(at, 1)
  }

  /** The latest messages within the limits, the oldest first. */
  get messages(): ReadonlyArray<ContextMessage> {
    const messages: Array<ContextMessage> = []
    let characters = 0
    for (const { pieces, role } of this.#entries.toReversed()) {
      const text = pieces.map((piece) => piece.text).join("").trim()
      if (text === "") continue
      characters += text.length
      if (characters > MAX_CHARACTERS) break
      messages.push({ role, text })
    }
    return messages.reverse()
  }
}
