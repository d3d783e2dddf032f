/**
 * Writes a recording's audio into its file: from the timeline, at its time, with silence where it could not be written.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Pcm from "../../audio/Pcm.ts"
import * as Wav from "../../audio/Wav.ts"
import type { BackendError } from "../../BackendError.ts"
import type { Gap } from "./SessionArchive.ts"
import type { StereoTimeline } from "./StereoTimeline.ts"

const FRAME_BYTES = 4
/** The most that a WAV file holds: 18 hours and 38 minutes at 16 kHz. */
const MAX_WAV_BYTES = 0xfffffffe
/** Gaps that are marked; later ones lengthen the last. */
const MAX_GAPS = 100
/** Gaps so close to each other are one, in ms. */
const NEAR_MS = 1_000
/** A shorter part without audio is not marked, in ms. */
const MIN_GAP_MS = 200

/**
 * @category models
 * @since 0.1.0
 */
export interface AudioFileOptions {
  readonly timeline: StereoTimeline
  /** Writes at a position in bytes; `false` when the audio was erased. */
  readonly append: (content: Uint8Array, at: number) => Effect.Effect<boolean, BackendError>
}

/**
 * @category models
 * @since 0.1.0
 */
export class AudioFile {
  readonly #options: AudioFileOptions
  readonly #rate: number
  /** Where the next sample belongs, in bytes. */
  #at = Wav.headerBytes
  /** Also of a file that another process began: the length in its header is no longer right. */
  #hasHeader = false
  #gaps: ReadonlyArray<Gap> = []
  #isFull = false

  constructor(options: AudioFileOptions) {
    this.#options = options
    this.#rate = options.timeline.sampleRate
  }

  /** The parts without audio, in ms. */
  get gaps(): ReadonlyArray<Gap> {
    return this.#gaps
  }

  /** Whether it holds no more: the rest of the recording is a gap. */
  get isFull(): boolean {
    return this.#isFull
  }

  /** The recording began so long before the timeline, in ms, and the file has so many bytes of it. */
  startAt(beganMs: number, bytes: number): void {
    this.#at = Wav.headerBytes + FRAME_BYTES * Math.round(beganMs * this.#rate / 1000)
    this.#mark(Math.max(Wav.headerBytes, bytes), this.#at)
  }

  /** The file was lost with all that was in it. */
  lost(): void {
    this.#hasHeader = false
    this.#gaps = []
    this.#mark(Wav.headerBytes, this.#at)
  }

  /** Writes what is older than this time; `false` when the audio was erased. */
  readonly write = Effect.fnUntraced({ self: this }, function*(this: AudioFile, untilMs: number) {
    const { append, timeline } = this.#options
    if (!this.#hasHeader) {
      this.#hasHeader = yield* append(Wav.header({ sampleRate: this.#rate, channels: 2 }), 0)
      if (!this.#hasHeader) return false
    }
    // what did not fit into the timeline is silence in what comes after
    for (let isFirst = true;; isFirst = false) {
      const pcm = timeline.take(untilMs)
      if (pcm.length === 0) return true
      const position = this.#at
      this.#at += pcm.length * 2
      if (this.#at > MAX_WAV_BYTES) {
        this.#isFull = true
        this.#mark(position, this.#at)
        continue
      }
      // until it is written, it is a gap
      const before = this.#gaps
      this.#mark(position, this.#at)
      const isStored = yield* append(Pcm.fromInt16(pcm), position).pipe(
        // interrupted at the end of the session: the archive writes it nevertheless
        Effect.onInterrupt(() => Effect.sync(() => void (this.#gaps = before)))
      )
      if (!isStored) return false
      if (isFirst) this.#gaps = before
    }
  })

  #mark(from: number, to: number): void {
    const toMs = (bytes: number) => Math.round((bytes - Wav.headerBytes) / FRAME_BYTES * 1000 / this.#rate)
    const last = this.#gaps.at(-1)
    if (toMs(to) - toMs(from) < MIN_GAP_MS && (last === undefined || toMs(from) - last[1] > 0)) return
    const joins = last !== undefined && (toMs(from) - last[1] < NEAR_MS || this.#gaps.length >= MAX_GAPS)
    this.#gaps = joins
      ? [...this.#gaps.slice(0, -1), [last[0], toMs(to)]]
      : [...this.#gaps, [toMs(from), toMs(to)]]
  }
}
