/**
 * Decides which stretches of a session's audio are decoded, and when. Plain and synchronous.
 *
 * Audio outside of speech is not decoded. An utterance begins a little before the detected onset and grows until it is
 * finalized, or is cut: before it gets longer than the model can take (it drops words of long clips), at its quietest
 * place, or when a long pause follows it. Without any detector, what was pushed since the last finalize is the
 * utterance.
 *
 * @since 0.1.0
 */
import type { VoiceActivity } from "../../speech/VoiceActivityDetector.ts"
import { SampleBuffer } from "./SampleBuffer.ts"

const RATE = 16_000

/** How much before a detected onset is decoded as well: soft consonants come before what a detector notices. 300 ms. */
export const LEAD = 4_800
/** How much after a detected end is decoded as well. 300 ms. */
export const TAIL = 4_800
/** The longest stretch that is decoded at once; Moonshine was seen to drop words beyond 20 s. 13 s. */
export const LONGEST = 13 * RATE
/** A cut is looked for in the last so many samples of a stretch that got too long. 5 s. */
export const CUT_RANGE = 5 * RATE
/** A pause that ends a stretch: its words are final, though the turn may go on. 1 s. */
export const LONG_PAUSE = RATE
/** What is shorter is not decoded: the model answers with an error. 100 ms. */
export const SHORTEST = 1_600
/** What is left behind a cut is long enough to be decoded. */
const LATEST_CUT = LONGEST - SHORTEST
/** The most that is kept when no detector says where speech is. 60 s. */
export const MEMORY = 60 * RATE
/** Kept while nobody speaks, for the next `LEAD` and the detector's delay. 1 s. */
const PRE_ROLL = RATE

/** A cut lies in the middle of the quietest so many samples. 60 ms. */
const CUT_WINDOW = 960
const CUT_STEP = 160

/** Energy is measured over so many samples (30 ms), and counts as sound above -50 dBFS. */
const LEVEL_WINDOW = 480
const SOUND = 32768 * 32768 * 10 ** -5
/** What no detector vouches for is only decoded unasked when its loudest part is 15 dB above its quietest. */
const CONTRAST = 10 ** 1.5

/**
 * A stretch of audio, in positions of the stream. `open` is part of an utterance that still goes on.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stretch {
  readonly from: number
  readonly to: number
}

/**
 * @category models
 * @since 0.1.0
 */
export class Segmenter {
  readonly #tape = new SampleBuffer()
  /** Nothing before this is decoded again. */
  #floor = 0
  /** Where the utterance began. */
  #open: number | undefined
  /** Where its speech ended; undefined while it goes on. */
  #stoppedAt: number | undefined
  /** No detector has spoken so far. */
  #blind = true

  /** The position after the newest sample. */
  get end(): number {
    return this.#tape.end
  }

  /** Samples allocated. */
  get capacity(): number {
    return this.#tape.capacity
  }

  /** Speech goes on. */
  get speaking(): boolean {
    return this.#open !== undefined && this.#stoppedAt === undefined
  }

  /** The utterance as far as it is known: to the end, or to a little after its speech stopped. */
  get current(): Stretch | undefined {
    if (this.#open === undefined) return undefined
    const to = this.#stoppedAt === undefined ? this.end : Math.min(this.end, this.#stoppedAt + TAIL)
    return { from: this.#open, to: Math.max(this.#open, to) }
  }

  /** Copies a stretch for the recogniser, with zeros around it. */
  floats(stretch: Stretch, padding: number): Float32Array {
    return this.#tape.floats(stretch.from, stretch.to, padding)
  }

  /** Takes audio, a second at most. Returns stretches that are complete now; read them before the next call. */
  push(pcm: Int16Array): ReadonlyArray<Stretch> {
    this.#tape.push(pcm)
    const cuts: Array<Stretch> = []
    const current = this.current
    if (current !== undefined && this.#stoppedAt !== undefined && this.end - this.#stoppedAt >= LONG_PAUSE) {
      this.#open = undefined
      this.#stoppedAt = undefined
      this.#floor = current.to
      if (worth(current)) cuts.push(current)
    } else if (this.speaking) {
      this.#cut(cuts)
    } else if (this.#blind) {
      this.#forget()
    }
    return cuts
  }

  /** Lets go of audio that nobody will ask for. Call after the stretches of a call were read. */
  trim(): void {
    if (this.#open !== undefined) this.#tape.drop(this.#open)
    else if (this.#blind) this.#tape.drop(this.#floor)
    else this.#tape.drop(Math.max(this.#floor, this.end - PRE_ROLL))
  }

  /** Takes what a detector found. */
  activity(activity: VoiceActivity): void {
    this.#blind = false
    const at = Math.min(activity.atSample, this.end)
    if (activity._tag === "SpeechStarted") {
      this.#stoppedAt = undefined
      this.#open ??= Math.max(at - LEAD, this.#floor, this.#tape.start)
    } else if (this.speaking) {
      this.#stoppedAt = Math.max(at, this.#open!)
    }
  }

  /** Ends the utterance at `until`. Returns the stretches to decode, in order; what came later stays. */
  finalize(until: number): ReadonlyArray<Stretch> {
    const limit = Math.min(Math.max(until, this.#floor), this.end)
    if (this.#open === undefined) {
      const from = Math.max(this.#floor, this.#tape.start)
      this.#floor = limit
      if (!this.#blind) return []
      const parts: Array<Stretch> = []
      this.#split({ from, to: limit }, parts)
      return parts.filter((part) => worth(part) && this.#sounds(part))
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
    const stretch = { from, to: end }
    return worth(stretch) ? [stretch] : []
  }

  #cut(cuts: Array<Stretch>): void {
    while (this.end - this.#open! > LONGEST) {
      const at = this.#quietest(this.#open! + LONGEST - CUT_RANGE, this.#open! + LATEST_CUT)
      cuts.push({ from: this.#open!, to: at })
      this.#open = at
      this.#floor = at
    }
  }

  #split(stretch: Stretch, parts: Array<Stretch>): void {
    let from = stretch.from
    while (stretch.to - from > LONGEST) {
      const at = this.#quietest(from + LONGEST - CUT_RANGE, from + LATEST_CUT)
      parts.push({ from, to: at })
      from = at
    }
    parts.push({ from, to: stretch.to })
  }

  /** Without a detector: silence is not kept at all, and sound only so long. */
  #forget(): void {
    if (this.end - this.#floor > MEMORY) {
      const from = Math.max(this.#floor, this.#tape.start)
      const at = this.#quietest(from + LONGEST - CUT_RANGE, from + LONGEST)
      if (this.#contrast({ from, to: at })) {
        // Somebody spoke for a minute and nobody finalized: it becomes an utterance, to be cut from now on.
        this.#blind = false
        this.#open = from
      } else {
        this.#floor = at
        this.#tape.drop(at)
      }
    }
  }

  #quietest(from: number, to: number): number {
    let best = to
    let least = Infinity
    for (let at = to - CUT_WINDOW; at >= from; at -= CUT_STEP) {
      const power = this.#tape.power(at, at + CUT_WINDOW)
      if (power < least) {
        least = power
        best = at + CUT_WINDOW / 2
      }
    }
    return best
  }

  #sounds({ from, to }: Stretch): boolean {
    for (let at = from; at + LEVEL_WINDOW <= to; at += LEVEL_WINDOW) {
      if (this.#tape.power(at, at + LEVEL_WINDOW) >= SOUND) return true
    }
    return false
  }

  #contrast(stretch: Stretch): boolean {
    let least = Infinity
    let most = 0
    for (let at = stretch.from; at + LEVEL_WINDOW <= stretch.to; at += LEVEL_WINDOW) {
      const power = this.#tape.power(at, at + LEVEL_WINDOW)
      least = Math.min(least, power)
      most = Math.max(most, power)
    }
    return most >= SOUND && most > least * CONTRAST
  }
}

const worth = (stretch: Stretch): boolean => stretch.to - stretch.from >= SHORTEST
