/**
 * Decides which segments of a session's audio are decoded, and when. Plain and synchronous.
 *
 * Audio outside of speech is not decoded. An utterance begins a little before the detected start of speech and grows until
 * it is finalized, or is split: at its quietest point before it gets longer than the model can take (it drops words of
 * long clips), or when a long pause follows. Without a voice activity detector, everything pushed since the last finalize
 * is the utterance.
 *
 * @since 0.1.0
 */
import type { VoiceActivity } from "../../../speech/VoiceActivityDetector.ts"
import { SampleBuffer } from "./SampleBuffer.ts"

const RATE = 16_000

/** Audio decoded before the detected start of speech, 300 ms: soft consonants precede what a detector notices. */
export const LEAD = 4_800
/** Audio decoded after the detected end of speech, 300 ms. */
export const TAIL = 4_800
/** The longest segment that is decoded at once, 13 s; Moonshine was seen to drop words beyond 20 s. */
export const MAX_SEGMENT = 13 * RATE
/** A segment that got too long is split within its last 5 s. */
export const SPLIT_RANGE = 5 * RATE
/** A pause of 1 s ends a segment: its transcript is final, though the turn may go on. */
export const LONG_PAUSE = RATE
/** A segment under 100 ms is not decoded: the model fails on it. */
export const MIN_SEGMENT = 1_600
/** The rest after a split must be long enough to be decoded. */
const LATEST_SPLIT = MAX_SEGMENT - MIN_SEGMENT
/** The most audio that is buffered without a voice activity detector, 60 s. */
export const MAX_BUFFERED = 60 * RATE
/** Audio buffered during silence, 1 s: the next `LEAD` and the detector's delay. */
const PRE_ROLL = RATE

/** A split lies in the middle of the quietest 60 ms. */
const SPLIT_WINDOW = 960
const SPLIT_STEP = 160

/** Power is measured over 30 ms, and is sound above -50 dBFS. */
const LEVEL_WINDOW = 480
const SOUND = 32768 * 32768 * 10 ** -5
/** Without a detector and a finalize, audio is speech only if its loudest part is 15 dB above its quietest. */
const CONTRAST = 10 ** 1.5

/**
 * A range of audio, in sample positions of the stream.
 *
 * @category models
 * @since 0.1.0
 */
export interface Segment {
  readonly from: number
  readonly to: number
}

/**
 * Buffers one session's audio and divides it into segments.
 *
 * @category models
 * @since 0.1.0
 */
export class Segmenter {
  readonly #buffer = new SampleBuffer()
  /** Everything before this position has been decoded or discarded. */
  #floor = 0
  /** Where the open utterance began. */
  #open: number | undefined
  /** Where its speech stopped; undefined during speech. */
  #stoppedAt: number | undefined
  /** Whether no voice activity has been reported so far. */
  #withoutDetector = true

  /** The position after the newest sample. */
  get end(): number {
    return this.#buffer.end
  }

  /** How many samples are allocated. */
  get capacity(): number {
    return this.#buffer.capacity
  }

  /** Whether the user is speaking. */
  get speaking(): boolean {
    return this.#open !== undefined && this.#stoppedAt === undefined
  }

  /** The open utterance: to the newest sample, or to a little after its speech stopped. */
  get current(): Segment | undefined {
    if (this.#open === undefined) return undefined
    const to = this.#stoppedAt === undefined ? this.end : Math.min(this.end, this.#stoppedAt + TAIL)
    return { from: this.#open, to: Math.max(this.#open, to) }
  }

  /** Copies a segment for the recogniser, with zeros around it, and further ones behind it. */
  floats(segment: Segment, padding: number, behind = 0): Float32Array {
    return this.#buffer.floats(segment.from, segment.to, padding, padding + behind)
  }

  /** Takes at most 1 s of audio. Returns the segments that are complete now; copy them before the next call. */
  push(pcm: Int16Array): ReadonlyArray<Segment> {
    this.#buffer.push(pcm)
    const complete: Array<Segment> = []
    const current = this.current
    if (current !== undefined && this.#stoppedAt !== undefined && this.end - this.#stoppedAt >= LONG_PAUSE) {
      this.#open = undefined
      this.#stoppedAt = undefined
      this.#floor = current.to
      if (isLongEnough(current)) complete.push(current)
    } else if (this.speaking) {
      this.#splitOpen(complete)
    } else if (this.#withoutDetector) {
      this.#boundBuffer()
    }
    return complete
  }

  /** Frees audio that is no longer needed. Call after the segments that the last call returned were copied. */
  trim(): void {
    if (this.#open !== undefined) this.#buffer.drop(this.#open)
    else if (this.#withoutDetector) this.#buffer.drop(this.#floor)
    else this.#buffer.drop(Math.max(this.#floor, this.end - PRE_ROLL))
  }

  /** Takes an event of the voice activity detector. */
  activity(activity: VoiceActivity): void {
    this.#withoutDetector = false
    const at = Math.min(activity.atSample, this.end)
    if (activity._tag === "SpeechStarted") {
      this.#stoppedAt = undefined
      this.#open ??= Math.max(at - LEAD, this.#floor, this.#buffer.start)
    } else if (this.speaking) {
      this.#stoppedAt = Math.max(at, this.#open!)
    }
  }

  /** Ends the utterance at `until`. Returns the segments to decode, in order; later audio stays buffered. */
  finalize(until: number): ReadonlyArray<Segment> {
    const limit = Math.min(Math.max(until, this.#floor), this.end)
    if (this.#open === undefined) {
      const from = Math.max(this.#floor, this.#buffer.start)
      this.#floor = limit
      if (!this.#withoutDetector) return []
      const parts: Array<Segment> = []
      this.#split({ from, to: limit }, parts)
      return parts.filter((part) => isLongEnough(part) && this.#hasSound(part))
    }
    const { from, to } = this.current!
    const complete = this.#stoppedAt !== undefined && limit >= this.#stoppedAt
    const end = complete ? to : limit
    if (complete) {
      this.#open = undefined
      this.#stoppedAt = undefined
      this.#floor = Math.max(end, limit)
    } else if (end > from) {
      this.#open = end
      this.#floor = end
    }
    const segment = { from, to: end }
    return isLongEnough(segment) ? [segment] : []
  }

  #splitOpen(complete: Array<Segment>): void {
    while (this.end - this.#open! > MAX_SEGMENT) {
      const at = this.#quietest(this.#open! + MAX_SEGMENT - SPLIT_RANGE, this.#open! + LATEST_SPLIT)
      complete.push({ from: this.#open!, to: at })
      this.#open = at
      this.#floor = at
    }
  }

  #split(segment: Segment, parts: Array<Segment>): void {
    let from = segment.from
    while (segment.to - from > MAX_SEGMENT) {
      const at = this.#quietest(from + MAX_SEGMENT - SPLIT_RANGE, from + LATEST_SPLIT)
      parts.push({ from, to: at })
      from = at
    }
    parts.push({ from, to: segment.to })
  }

  /** Bounds the buffer when there is no detector and no finalize. */
  #boundBuffer(): void {
    if (this.end - this.#floor > MAX_BUFFERED) {
      const from = Math.max(this.#floor, this.#buffer.start)
      const at = this.#quietest(from + MAX_SEGMENT - SPLIT_RANGE, from + MAX_SEGMENT)
      if (this.#hasContrast({ from, to: at })) {
        // A minute of speech without a finalize: from now on it is an utterance that is split as others are.
        this.#withoutDetector = false
        this.#open = from
      } else {
        this.#floor = at
        this.#buffer.drop(at)
      }
    }
  }

  #quietest(from: number, to: number): number {
    let best = to
    let least = Infinity
    for (let at = to - SPLIT_WINDOW; at >= from; at -= SPLIT_STEP) {
      const power = this.#buffer.power(at, at + SPLIT_WINDOW)
      if (power < least) {
        least = power
        best = at + SPLIT_WINDOW / 2
      }
    }
    return best
  }

  #hasSound({ from, to }: Segment): boolean {
    for (let at = from; at + LEVEL_WINDOW <= to; at += LEVEL_WINDOW) {
      if (this.#buffer.power(at, at + LEVEL_WINDOW) >= SOUND) return true
    }
    return false
  }

  #hasContrast(segment: Segment): boolean {
    let least = Infinity
    let most = 0
    for (let at = segment.from; at + LEVEL_WINDOW <= segment.to; at += LEVEL_WINDOW) {
      const power = this.#buffer.power(at, at + LEVEL_WINDOW)
      least = Math.min(least, power)
      most = Math.max(most, power)
    }
    return most >= SOUND && most > least * CONTRAST
  }
}

const isLongEnough = (segment: Segment): boolean => segment.to - segment.from >= MIN_SEGMENT
