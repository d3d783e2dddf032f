/**
 * The events of a session as lines of JSON, to be written where the file ends. They are without words: events may be retained
 * for longer than the transcript.
 *
 * @since 0.1.0
 */
import type * as SessionEvent from "../SessionEvent.ts"

/** Events that wait to be written; the oldest of more are lost. */
const MAX_EVENTS = 1_000

const encodeEvent = (event: SessionEvent.SessionEvent): string => {
  const { text: _, ...rest } = "text" in event ? event : { ...event, text: "" }
  return `${JSON.stringify(rest)}\n`
}

/**
 * @category models
 * @since 0.1.0
 */
export class EventFile {
  readonly #lines: Array<string> = []
  /** How many lines were there before those that wait. */
  #former = 0
  #at = 0

  /** The file has so many bytes. */
  startAt(bytes: number): void {
    this.#at = bytes
  }

  push(event: SessionEvent.SessionEvent): void {
    if (event.type === "pong") return
    if (this.#lines.length >= MAX_EVENTS) this.#drop(1)
    this.#lines.push(encodeEvent(event))
  }

  /** What has to be written, and where, until it is `done`; a write that failed is overwritten by the next. */
  change(): { readonly at: number; readonly content: Uint8Array; readonly done: () => void } | undefined {
    if (this.#lines.length === 0) return undefined
    const content = new TextEncoder().encode(this.#lines.join(""))
    const last = this.#former + this.#lines.length
    return {
      at: this.#at,
      content,
      done: () => {
        this.#at += content.length
        this.#drop(last - this.#former)
      }
    }
  }

  #drop(count: number): void {
    this.#former += this.#lines.splice(0, Math.max(0, count)).length
  }
}
