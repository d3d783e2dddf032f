/**
 * The agent's voice into a room: a queue of at most 200 ms in front of LiveKit's own, which holds as much.
 *
 * Frames are copied into a ring that is allocated once; one is handed over at a time, since LiveKit wants its calls in
 * order. A queue of LiveKit's that is full keeps the next frame waiting, so that playout is paced by what is sent.
 *
 * @since 0.1.0
 */
import type { AudioFrame, AudioSource } from "@livekit/rtc-node"
import { frameMs } from "../../audio/AudioFormat.ts"

/**
 * What the agent's voice has, in Hz: 24,000, what speech synthesis gives.
 *
 * @category constants
 * @since 0.1.0
 */
export const VOICE_SAMPLE_RATE = 24_000

/**
 * How much LiveKit's own queue holds, in ms. What is in there can be cleared; what has left it is heard.
 *
 * @category constants
 * @since 0.1.0
 */
export const QUEUE_MS = 200

const FRAME = VOICE_SAMPLE_RATE * frameMs / 1_000
/** What playout sends ahead, less what LiveKit's queue takes. */
const MAX_WAITING_FRAMES = 10

/**
 * What is used of LiveKit's source.
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
  /** Nothing is taken, and nothing lost, while this is `false`: the room is being looked for again. */
  isOpen = true

  /** `frame` makes one of LiveKit's frames around the samples; `onBroken` is told once that the source takes no more. */
  constructor(source: RoomAudioSource, frame: (samples: Int16Array) => AudioFrame, onBroken: () => void) {
    this.#source = source
    this.#onBroken = onBroken
    // one more than can wait: the one that is being handed over
    this.#frames = Array.from({ length: MAX_WAITING_FRAMES + 1 }, () => frame(new Int16Array(FRAME)))
  }

  /** Takes a frame of 20 ms, a shorter one is filled up with silence; `false` when there is no room for it. */
  send(pcm: Int16Array): boolean {
    if (!this.isOpen || this.#broken || this.#size === MAX_WAITING_FRAMES) return false
    const { data } = this.#frames[(this.#head + this.#size) % this.#frames.length]!
    if (pcm.length < FRAME) data.fill(0)
    data.set(pcm.length > FRAME ? pcm.subarray(0, FRAME) : pcm)
    this.#size++
    this.#next()
    return true
  }

  /** Drops what waits here and in LiveKit's queue; returns how many milliseconds that was. */
  clear(): number {
    const ms = this.backlogMs
    // the head stays: the place before it is LiveKit's until it has taken that frame
    this.#size = 0
    try {
      this.#source.clearQueue()
    } catch {
      this.#break()
    }
    return ms
  }

  /** Milliseconds that have not gone out. */
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
