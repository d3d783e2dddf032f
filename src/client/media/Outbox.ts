/**
 * The messages that wait for a connection: what the user typed or pressed while it was lost.
 *
 * @since 0.1.0
 */
import type { ClientMessage } from "../protocol/WireProtocol.ts"
import { VoiceClientError } from "../VoiceClientError.ts"

/** More than anybody types within a resume window. */
const MAX_MESSAGES = 32

/**
 * A bounded queue.
 *
 * @category models
 * @since 0.1.0
 */
export class Outbox {
  #messages: Array<ClientMessage> = []

  /**
   * Adds a message. Throws `connection_lost` when too many wait. A second interruption in a row says nothing new, and who hangs
   * up needs no answer to the others.
   */
  add(message: ClientMessage): void {
    if (message.type === "agent.interrupt" && this.#messages.at(-1)?.type === message.type) return
    if (message.type === "session.end") this.#messages = []
    if (this.#messages.length >= MAX_MESSAGES) {
      throw new VoiceClientError("connection_lost", "The connection is lost, and too much waits for it already.")
    }
    this.#messages.push(message)
  }

  /** Empties it. */
  take(): ReadonlyArray<ClientMessage> {
    const messages = this.#messages
    this.#messages = []
    return messages
  }
}
