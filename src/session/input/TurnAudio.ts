/**
 * The latest audio of the user's turn, for a turn detector that hears it.
 *
 * On the hot path it only copies. While the user is silent it keeps what may come just before a turn, 24 KB; from the first
 * sound on the last 8 s, 256 KB, until the user has been silent for so long that nothing of the turn is left in them.
 *
 * @since 0.1.0
 */
import { SampleRing } from "../../audio/SampleRing.ts"
import { TIMELINE_RATE, type VoiceActivity } from "../../speech/VoiceActivityDetector.ts"

/** What is kept of a turn: 8 s. */
const TURN = 8 * TIMELINE_RATE
/** What a turn begins with before its first sound: 0.5 s. */
const LEAD = TIMELINE_RATE / 2
/** A user who falls silent for less goes on: 1.5 s. */
const PAUSE = 1.5 * TIMELINE_RATE
/** Kept while the user is silent: the lead, and the time in which a detector notices speech. */
const IDLE = LEAD + TIMELINE_RATE / 4

/** Moves a ring without samples to a position. */
const moveTo = (ring: SampleRing, position: number): void => {
  ring.pushSilence(position - ring.end)
  ring.clear()
}

/**
 * One session's audio at 16 kHz. Positions count samples of the session's timeline.
 *
 * @category models
 * @since 0.1.0
 */
export class TurnAudio {
  readonly #idle = new SampleRing(IDLE)
  readonly #turn = new SampleRing(TURN)
  #ring = this.#idle
  #speaking = false
  /** Where the user fell silent. */
  #silentSince = 0
  /** Where the user began to speak, after a silence that was more than a pause. */
  #began = 0

  /** `position`: of the first sample that is pushed. */
  constructor(position: number) {
    moveTo(this.#idle, position)
  }

  /** Takes the next samples; they are only valid during the call. */
  push(pcm: Int16Array): void {
    this.#ring.push(pcm)
    if (this.#ring === this.#turn && !this.#speaking && this.#ring.end - this.#silentSince > TURN) this.#release()
  }

  /** Takes a change of the voice activity. */
  activity({ _tag, atSample }: VoiceActivity): void {
    this.#speaking = _tag === "SpeechStarted"
    if (this.#speaking && (this.#ring === this.#idle || atSample - this.#silentSince > PAUSE)) this.#began = atSample
    this.#silentSince = atSample
    if (!this.#speaking || this.#ring === this.#turn) return
    const { end, start } = this.#idle
    moveTo(this.#turn, start)
    this.#turn.push(this.#idle.read(start, end))
    this.#idle.free()
    this.#ring = this.#turn
  }

  /**
   * Copies the audio of the turn that began at a position: from 0.5 s before it until now, at most the last 8 s. Without a
   * position: all that is kept. What the user said just before belongs to it: whoever was cut off and speaks on is understood
   * by the whole, as the second half of a sentence alone may sound like one.
   */
  read(since: number | undefined): Int16Array {
    const { end, start } = this.#ring
    return this.#ring.read(since === undefined ? start : Math.min(since, this.#began) - LEAD, end)
  }

  /** Frees the memory. */
  free(): void {
    this.#idle.free()
    this.#turn.free()
  }

  #release(): void {
    const { end } = this.#turn
    this.#turn.free()
    moveTo(this.#idle, end)
    this.#ring = this.#idle
  }
}
