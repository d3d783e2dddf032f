/**
 * What is being said at the moment, for a terminal: the user's words as they are recognised, the agent's as they are heard.
 * Plain and synchronous.
 *
 * @since 0.1.0
 */
import type { SessionEvent } from "../session/SessionEvent.ts"

/** A line of a terminal shows less; a reply of an hour is not kept. */
const MAX_CHARACTERS = 1_000

/**
 * Follows the events of a session.
 *
 * @category models
 * @since 0.1.0
 */
export class LiveLine {
  #agent = ""

  /** The line after an event: `"agent  One. Two."`; `""` when nobody's words are unfinished. */
  after(event: SessionEvent): string | undefined {
    switch (event.type) {
      case "user.transcript":
        return event.final || event.text === "" ? "" : `you    ${event.text}`
      case "agent.speech_started":
      case "agent.speech_stopped":
        this.#agent = ""
        return ""
      case "agent.transcript":
        this.#agent = `${this.#agent} ${event.text.trim()}`.trimStart().slice(-MAX_CHARACTERS)
        return `agent  ${this.#agent}`
      default:
        return undefined
    }
  }
}
