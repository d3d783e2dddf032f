/**
 * The agent's voice in a room: a queue of at most 200 ms in front of LiveKit's own queue, which holds as much.
 *
 * Frames are copied into a ring that is allocated once, and are handed over one at a time, because LiveKit requires calls in
 * order. While LiveKit's queue is full, the next frame waits: this is the backpressure that paces playout.
 *
 * @since 0.1.0
 */
import type { AudioFrame, AudioSource } from "@livekit/rtc-node"
import { frameMs } from "../../../audio/AudioFormat.ts"

/**
 * The sample rate of the agent's voice, in Hz: 24,000, as text-to-speech engines give.
 *
 * @category constants
 * @since 0.1.0
 */
export const VOICE_SAMPLE_RATE = 24_000

/**
 * The length of LiveKit's own queue, in ms. Audio in it can be cleared; audio that has left it will be heard.
 *
 * @category constants
 * @since 0.1.0
 */
export const QUEUE_MS = 200

const FRAME = VOICE_SAMPLE_RATE * frameMs / 1_000
/** Frames that wait in front of LiveKit's queue: 200 ms. */
const MAX_WAITING_FRAMES = 10

/**
 * The used methods of LiveKit's audio source.
 *
 * @category models
 * @since 0.1.0
 */
export type RoomAudioSource = Pick<AudioSource, "captureFrame" | "clearQueue" | "queuedDuration">

/**
 * @category models
 * @since 0.1.0
 */
export class RoomVoice {
  readonly #source: RoomAudioSource
  readonly #frames: ReadonlyArray<AudioFrame>
  readonly #onBroken: () => void
  #head = 0
  #size = 0
  #busy = false
  #broken = false
  /** False while LiveKit reconnects: `send` then takes no frame, so none is lost. */
  isOpen = true

  /** `frame` makes one of LiveKit's frames around the samples; `onBroken` is called once if the source fails. */
  constructor(source: RoomAudioSource, frame: (samples: Int16Array) => AudioFrame, onBroken: () => void) {
    this.#source = source
    this.#onBroken = onBroken
    // one more than can wait: the frame that is being handed over
    this.#frames = Array.from({ length: MAX_WAITING_FRAMES + 1 }, () => frame(new Int16Array(FRAME)))
  }

  /** Queues a frame of 20 ms; a shorter one is padded with silence. Returns false when the queue is full. */
  send(pcm: Int16Array): boolean {
    if (!this.isOpen || this.#broken || this.#size === MAX_WAITING_FRAMES) return false
    const { data } = this.#frames[(this.#head + this.#size) % this.#frames.length]!
    if (pcm.length < FRAME) data.fill(0)
    data.set(pcm.length > FRAME ? pcm.subarray(0, FRAME) : pcm)
    this.#size++
    this.#next()
    return true
  }

  /** Clears this queue and LiveKit's; returns how many milliseconds were dropped. */
  clear(): number {
    const ms = this.backlogMs
    // the head stays, because LiveKit may still read the frame before it
    this.#size = 0
    try {
      this.#source.clearQueue()
    } catch {
      this.#break()
    }
    return ms
  }

  /** How many milliseconds of audio were not sent yet. */
  get backlogMs(): number {
    return this.#size * frameMs + this.#source.queuedDuration
  }

  #next(): void {
    if (this.#busy || this.#size === 0 || this.#broken) return
    this.#busy = true
    const frame = this.#frames[this.#head]!
    this.#head = (this.#head + 1) % this.#frames.length
    this.#size--
    this.#source.captureFrame(frame).then(() => {
      this.#busy = false
      this.#next()
    }, () => this.#break())
  }

  #break(): void {
    if (this.#broken) return
    this.#broken = true
    this.#size = 0
    this.#onBroken()
  }
}
