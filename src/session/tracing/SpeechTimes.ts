/**
 * When the user began and stopped speaking in what may become a turn: by the audio, not when it was detected.
 *
 * @since 0.1.0
 */
import type { ConversationInput } from "../../conversation/ConversationInput.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"

/** Speech without words that is followed by a longer pause than this, in ms, does not belong to the turn. */
const MAX_PAUSE_MS = 2_000

/**
 * Times are ms of Unix time.
 *
 * @category models
 * @since 0.1.0
 */
export class SpeechTimes {
  /** When the speech began that has not been answered. */
  startedAt: number | undefined
  /** When it stopped; `undefined` while the user speaks. */
  stoppedAt: number | undefined
  readonly #now: () => number
  #speaking = false
  #hasWords = false

  constructor(now: () => number) {
    this.#now = now
  }

  /** Takes an input of the conversation. */
  dispatched(input: ConversationInput): void {
    switch (input._tag) {
      case "SpeechStarted": {
        const at = this.#at(input)
        const stale = !this.#hasWords && this.stoppedAt !== undefined && at - this.stoppedAt > MAX_PAUSE_MS
        if (this.startedAt === undefined || stale) this.startedAt = at
        this.stoppedAt = undefined
        this.#speaking = true
        return
      }
      case "SpeechStopped":
        this.stoppedAt = this.#at(input)
        this.#speaking = false
        return
      case "Interim":
      case "Final":
        this.#hasWords ||= input.text !== ""
    }
  }

  /** The speech has been answered, or needs no answer. */
  reset(): void {
    // a user who is still speaking begins the next turn now
    this.startedAt = this.#speaking ? this.#now() : undefined
    this.stoppedAt = undefined
    this.#hasWords = false
  }

  #at({ atSample, decidedAtSample }: { readonly atSample: number; readonly decidedAtSample: number }): number {
    return this.#now() - Math.max(0, decidedAtSample - atSample) * 1_000 / TIMELINE_RATE
  }
}
