/**
 * When the user began and ended what may be a turn: in the audio, not when it was noticed.
 *
 * @since 0.1.0
 */
import type { ConversationInput } from "../../conversation/ConversationInput.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"

/** A pause that is longer than this, and had no words before it, does not belong to the turn, in ms. */
const MAX_PAUSE_MS = 2_000

/**
 * Times are ms of Unix time.
 *
 * @category models
 * @since 0.1.0
 */
export class SpeechTimes {
  /** When the speech began that is not answered yet. */
  startedAt: number | undefined
  /** When it ended; not while the user speaks. */
  stoppedAt: number | undefined
  readonly #now: () => number
  #speaking = false
  #words = false

  constructor(now: () => number) {
    this.#now = now
  }

  /** Takes what the conversation is told. */
  happened(happening: ConversationInput): void {
    switch (happening._tag) {
      case "SpeechStarted": {
        const at = this.#at(happening)
        const stale = !this.#words && this.stoppedAt !== undefined && at - this.stoppedAt > MAX_PAUSE_MS
        if (this.startedAt === undefined || stale) this.startedAt = at
        this.stoppedAt = undefined
        this.#speaking = true
        return
      }
      case "SpeechStopped":
        this.stoppedAt = this.#at(happening)
        this.#speaking = false
        return
      case "Interim":
      case "Final":
        this.#words ||= happening.text !== ""
    }
  }

  /** What was said is answered, or was nothing to answer. */
  forget(): void {
    // who speaks on begins the next turn now
    this.startedAt = this.#speaking ? this.#now() : undefined
    this.stoppedAt = undefined
    this.#words = false
  }

  #at({ atSample, decidedAtSample }: { readonly atSample: number; readonly decidedAtSample: number }): number {
    return this.#now() - Math.max(0, decidedAtSample - atSample) * 1_000 / TIMELINE_RATE
  }
}
