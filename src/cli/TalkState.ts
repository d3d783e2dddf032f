/**
 * The state of the conversation of `talk`, and when it is over. Plain and synchronous; time is counted in ticks.
 *
 * @since 0.1.0
 */
import type { SessionEvent } from "../session/SessionEvent.ts"

/**
 * How long to wait after the recording, in milliseconds, by what has happened: for speech to be noticed at all, for words
 * after speech, for a reply after words (or for the audio of one that has begun), and for more to come after a reply; and
 * for the end of it all.
 *
 * @category constants
 * @since 0.1.0
 */
export const patience = { speech: 4_000, words: 15_000, reply: 45_000, more: 1_500, total: 600_000 } as const

/**
 * The result of a conversation: the agent replied, or why not.
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict = "replied" | "silent" | "no_speech" | "no_words" | "no_reply" | "endless" | "failed" | "closed"

/**
 * @category models
 * @since 0.1.0
 */
export class TalkState {
  agentSpeaking = false
  /** Whether the agent prepares what it will say, such as its greeting. */
  agentPreparing = false
  #userSpeaking = false
  #speech = 0
  #words = 0
  /** Turns with words that no reply has ended yet. */
  #open = new Set<number>()
  #replied = false
  #failed: string | undefined
  #closed: string | undefined
  /** Whether anything was received at all. */
  #received = false
  #waitedMs = 0
  #quietMs = 0
  /** Since the agent was last heard, or began to speak. */
  #inaudibleMs = 0
  /** Milliseconds of the agent's audio since the user's first words. */
  #heardMs = 0

  /** Why the connection ended, if it did. */
  get closed(): string | undefined {
    return this.#closed
  }

  /** The last `error` event of the session. */
  get error(): string | undefined {
    return this.#failed
  }

  close(reason: string): void {
    this.#closed ??= reason
  }

  audio(ms: number): void {
    this.#received = true
    this.#inaudibleMs = 0
    if (this.#words > 0) this.#heardMs += ms
  }

  event(event: SessionEvent): void {
    this.#received = true
    if (event.type !== "pong" && event.type !== "session.state") this.#quietMs = 0
    switch (event.type) {
      case "user.speech_started":
        this.#userSpeaking = true
        this.#speech++
        break
      case "user.speech_stopped":
        this.#userSpeaking = false
        break
      case "user.transcript":
        if (event.final && event.text.trim() !== "") {
          this.#words++
          this.#speech = Math.max(this.#speech, 1)
          this.#open.add(event.turn)
        }
        break
      case "session.state":
        this.agentPreparing = event.state === "processing"
        break
      case "agent.speech_started":
        if (!this.agentSpeaking) this.#inaudibleMs = 0
        this.agentSpeaking = true
        break
      case "agent.speech_stopped":
        this.agentSpeaking = false
        if (this.#words > 0) this.#replied = true
        // the reply of a later turn replaces those of earlier turns
        for (const turn of this.#open) if (turn <= event.turn) this.#open.delete(turn)
        break
      case "turn.unanswered":
        // after a failure the apology may follow
        if (event.reason !== "failed") this.#open.delete(event.turn)
        break
      case "error":
        this.#failed = event.message
        break
      default:
        break
    }
  }

  /** Time passes after the recording has ended; says when there is nothing more to wait for. */
  wait(ms: number): Verdict | undefined {
    if (this.#closed !== undefined) return this.#outcome("closed")
    this.#waitedMs += ms
    this.#quietMs += ms
    this.#inaudibleMs += ms
    if (this.#waitedMs >= patience.total) return this.#outcome("endless")
    if (this.agentSpeaking) return this.#inaudibleMs >= patience.reply ? this.#outcome("no_reply") : undefined
    if (this.#words === 0) {
      if (this.#speech === 0) return this.#after(patience.speech, this.#received ? "no_speech" : "silent")
      return this.#userSpeaking ? this.#after(patience.reply, "no_words") : this.#after(patience.words, "no_words")
    }
    if (this.#open.size > 0 || this.#userSpeaking) return this.#after(patience.reply, this.#outcome("no_reply"))
    return this.#after(patience.more, this.#outcome("no_reply"))
  }

  #after(ms: number, verdict: Verdict): Verdict | undefined {
    return this.#quietMs >= ms ? verdict : undefined
  }

  #outcome(otherwise: Verdict): Verdict {
    if (this.#replied && this.#heardMs > 0) return "replied"
    return this.#failed === undefined ? otherwise : "failed"
  }
}
