/**
 * What is replayed to a recogniser that takes over: the audio of the utterance in flight, its voice activity and its
 * `finalize` requests.
 *
 * Plain synchronous code. Positions count samples of the session's timeline (16 kHz), whatever the rate of what is pushed here.
 * While the user is silent only 0.4 s of audio are kept (13 KB); memory for an utterance is taken as it grows.
 *
 * @since 0.1.0
 */
import { SampleRing } from "../../audio/SampleRing.ts"
import type { TranscriptWord } from "../SpeechToText.ts"
import { TIMELINE_RATE, type VoiceActivity } from "../VoiceActivityDetector.ts"

/** The longest utterance that is replayed: 15 s; of a longer one, its end. */
const UTTERANCE_SAMPLES = 15 * TIMELINE_RATE
/** Memory is allocated for so much at first: 2 s. */
const FIRST_SAMPLES = 2 * TIMELINE_RATE
/** What is kept while the user is silent: the pre-roll, and what a detector needs to detect speech. */
const IDLE_SAMPLES = 0.4 * TIMELINE_RATE
/** Pre-roll: audio before the detected start that belongs to the speech, at most 0.3 s, for soft first consonants. */
const LEAD_SAMPLES = 0.3 * TIMELINE_RATE
/** Audio is replayed in pieces of 100 ms, as a network engine would get it. */
const PIECE_SAMPLES = TIMELINE_RATE / 10
/** So long after a turn that the recogniser ended by itself, no more words of it are expected: 5 s. */
const SETTLE_SAMPLES = 5 * TIMELINE_RATE
/** Voice activity changes and `finalize` requests that are remembered; the oldest are dropped. */
const MAX_MARKS = 256

/**
 * A recogniser that receives a replay; positions are on its own timeline, which begins at its first sample.
 *
 * @category models
 * @since 0.1.0
 */
export interface Listener {
  readonly push: (pcm: Int16Array) => void
  readonly activity: (activity: VoiceActivity) => void
  readonly finalize: (id: number, untilSample: number) => void
}

/** What happened between two samples. */
type Mark =
  | { readonly at: number; readonly activity: VoiceActivity }
  | { readonly at: number; readonly id: number; readonly untilSample: number }

/**
 * Moves a voice activity change to a timeline that begins at `base`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const shift = (activity: VoiceActivity, base: number): VoiceActivity => ({
  _tag: activity._tag,
  atSample: Math.max(0, activity.atSample - base),
  decidedAtSample: Math.max(0, activity.decidedAtSample - base)
})

/**
 * @category models
 * @since 0.1.0
 */
export class UtteranceReplay {
  // samples of the timeline for each that is pushed
  readonly #step: number
  readonly #idle: number
  readonly #first: number
  readonly #longest: number
  #ring: SampleRing
  // the position of the ring's first sample
  #offset = 0
  // everything before has been transcribed
  #cut = 0
  #speakingAtCut = false
  #speaking = false
  // since which sample the user has been silent
  #quietFrom = 0
  // the recogniser has ended a turn, and the user has been silent since
  #ended = false
  #marks: Array<Mark> = []
  // requests that nobody waits for any more, and where the words end that were taken instead of the answer
  #abandoned: Map<number, number> | undefined
  // where the last words were heard that are not final
  #interimAt = 0

  /** `sampleRate`: of what is pushed, in Hz; a divisor of 16,000. */
  constructor(sampleRate = TIMELINE_RATE) {
    this.#step = TIMELINE_RATE / sampleRate
    this.#idle = IDLE_SAMPLES / this.#step
    this.#first = FIRST_SAMPLES / this.#step
    this.#longest = UTTERANCE_SAMPLES / this.#step
    this.#ring = new SampleRing(this.#idle)
  }

  /** How much was pushed. */
  get position(): number {
    return this.#offset + this.#ring.end * this.#step
  }

  /** The user is speaking, as far as the detector knows. */
  get speaking(): boolean {
    return this.#speaking
  }

  /** The unanswered `finalize` requests, in their order. */
  get pending(): ReadonlyArray<number> {
    return this.#marks.flatMap((mark) => "id" in mark ? [mark.id] : [])
  }

  /**
   * Whether no utterance is in progress: everything that was said has been transcribed, or the user has been silent for so long
   * that no more words of it are expected.
   */
  get isBetweenUtterances(): boolean {
    if (this.#speaking || this.pending.length > 0) return false
    if (this.position - this.#quietFrom >= SETTLE_SAMPLES) return true
    const changes = this.#marks.flatMap((mark) => "activity" in mark ? [mark.activity] : [])
    // what was being said at the cut may have ended before it: a detector is sure of that later
    const ended = this.#speakingAtCut ? changes.shift() : undefined
    return (ended === undefined ? !this.#speakingAtCut : ended.atSample <= this.#cut) &&
      !changes.some(({ _tag }) => _tag === "SpeechStarted")
  }

  push(pcm: Int16Array): void {
    const { capacity, length } = this.#ring
    if (capacity > this.#idle && capacity < this.#longest && length + pcm.length > capacity) {
      this.#resize(Math.min(this.#longest, 2 * capacity))
    }
    this.#ring.push(pcm)
    if (this.#ended && !this.#speaking && this.position - this.#quietFrom >= SETTLE_SAMPLES) this.#settle()
  }

  activity(activity: VoiceActivity): void {
    this.#speaking = activity._tag === "SpeechStarted"
    if (this.#speaking) {
      this.#ended = false
      if (this.#ring.capacity < this.#first) this.#resize(this.#first)
    } else {
      this.#quietFrom = this.position
    }
    this.#remember({ at: this.position, activity })
  }

  finalize(id: number, untilSample: number): void {
    this.#remember({ at: this.position, id, untilSample })
  }

  /**
   * Words were delivered: the audio up to their end is not replayed. Their end is known by the words' own times, else by
   * the `finalize` request that they answer, else it is taken to be now.
   */
  final(words: ReadonlyArray<TranscriptWord> | undefined): void {
    const end = words?.at(-1)?.endSample
    const question = this.#marks.find((mark) => "id" in mark)
    this.#advance(
      end !== undefined && Number.isFinite(end)
        ? end
        : question !== undefined && "untilSample" in question
        ? question.untilSample
        : this.position
    )
  }

  /** The recogniser has ended a turn by itself, so no `finalize` will ask for the rest. */
  endOfTurn(): void {
    this.#ended = true
  }

  /** Words were heard that are not final. */
  interim(): void {
    this.#interimAt = this.position
  }

  /** The answer to a `finalize` request is not waited for: the words so far were taken instead. */
  abandon(id: number): void {
    if (this.pending.includes(id)) (this.#abandoned ??= new Map()).set(id, this.#interimAt)
  }

  /** Another recogniser does not hear the words that were taken instead of the answer to an abandoned request. */
  skipAbandoned(id: number): void {
    const end = this.#abandoned?.get(id)
    if (end !== undefined) this.#advance(end)
  }

  /** Whether the answer to a `finalize` request is not waited for. */
  isAbandoned(id: number): boolean {
    return this.#abandoned?.has(id) === true
  }

  /** A `finalize` request was answered. False when it was never made, or answered before. */
  finalized(id: number): boolean {
    const question = this.#marks.find((mark) => "id" in mark && mark.id === id)
    if (question === undefined) return false
    this.#abandoned?.delete(id)
    this.#marks = this.#marks.filter((mark) => mark !== question)
    if ("untilSample" in question) this.#advance(question.untilSample)
    if (!this.#speaking && this.pending.length === 0) this.#resize(this.#idle)
    return true
  }

  /** Where another recogniser begins. */
  get start(): number {
    const started = this.#marks.find((mark) => "activity" in mark && mark.activity._tag === "SpeechStarted")
    const speech = this.#speakingAtCut
      ? this.#cut
      : started !== undefined && "activity" in started
      ? started.activity.atSample
      : this.position
    return Math.max(
      this.#cut,
      this.#offset + this.#ring.start * this.#step,
      Math.min(speech, this.position) - LEAD_SAMPLES
    )
  }

  /** Replays everything to a recogniser whose timeline begins at `start`. */
  replayTo(listener: Listener): void {
    const base = this.start
    let replayed = base
    const pushUntil = (position: number) => {
      while (replayed < position) {
        const to = Math.min(position, replayed + PIECE_SAMPLES)
        listener.push(this.#ring.read((replayed - this.#offset) / this.#step, (to - this.#offset) / this.#step))
        replayed = to
      }
    }
    if (this.#speakingAtCut) listener.activity({ _tag: "SpeechStarted", atSample: 0, decidedAtSample: 0 })
    for (const mark of this.#marks) {
      pushUntil(mark.at)
      if ("activity" in mark) listener.activity(shift(mark.activity, base))
      else listener.finalize(mark.id, Math.max(0, mark.untilSample - base))
    }
    pushUntil(this.position)
  }

  #settle(): void {
    this.#ended = false
    if (this.pending.length > 0) return
    this.#advance(this.position)
    this.#resize(this.#idle)
  }

  #advance(to: number): void {
    this.#cut = Math.max(this.#cut, Math.min(Math.trunc(to), this.position))
    this.#forget((mark) => mark.at <= this.#cut)
  }

  #remember(mark: Mark): void {
    this.#marks.push(mark)
    if (this.#marks.length <= MAX_MARKS) return
    const oldest = this.#marks.find((mark) => "activity" in mark) ?? this.#marks[0]
    if (oldest === undefined) return
    if ("activity" in oldest) this.#forget((other) => other === oldest)
    else this.#marks.shift()
  }

  /** Drops voice activity changes, but keeps the state they led to; requests stay until they are answered. */
  #forget(past: (mark: Mark) => boolean): void {
    this.#marks = this.#marks.filter((mark) => {
      if (!("activity" in mark) || !past(mark)) return true
      this.#speakingAtCut = mark.activity._tag === "SpeechStarted"
      return false
    })
  }

  #resize(capacity: number): void {
    if (this.#ring.capacity === capacity) return
    const end = this.position
    const kept = this.#ring.read(this.#ring.end - capacity, this.#ring.end)
    this.#ring.free()
    this.#ring = new SampleRing(capacity)
    this.#ring.push(kept)
    this.#offset = end - kept.length * this.#step
  }
}
