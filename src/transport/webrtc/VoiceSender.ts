/**
 * The agent's voice as Opus packets: a queue of at most 200 ms, of which one frame is sent at each tick of a 20 ms clock.
 *
 * Synchronous. Frames are copied into a ring that is allocated once.
 *
 * @since 0.1.0
 */
import { frameMs } from "../../audio/AudioFormat.ts"
import * as OpusRtp from "./OpusRtp.ts"

/**
 * How many frames of 20 ms are queued at most: 200 ms, what playout sends ahead.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_QUEUED_FRAMES = 10

/**
 * Frames of silence after speech, 200 ms: without them a browser would conceal the "loss" with more speech.
 */
const TRAILING_FRAMES = 10

/**
 * @category models
 * @since 0.1.0
 */
export interface VoiceSenderOptions {
  /** Of the frames, in Hz. */
  readonly sampleRate: number
  readonly payloadType: number
  readonly ssrc: number
  /** Random initial values of sequence (16 bits) and timestamp (32 bits), RFC 3550 §5.1. */
  readonly sequence: number
  readonly timestamp: number
  /** Its result may be shared memory. */
  readonly encode: (pcm: Int16Array) => Uint8Array
  /** Sends one RTP packet. */
  readonly transmit: (packet: Buffer) => void
  /** While it is `false`, frames stay queued. */
  readonly isOpen: () => boolean
  /**
   * Is told how far the reply of this epoch has been sent, in ms, after each of its frames; `last` when none follows for now. Default:
   * nobody is.
   */
  readonly sent?: ((epoch: number, untilMs: number, last: boolean) => void) | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export class VoiceSender {
  readonly #options: VoiceSenderOptions
  readonly #frame: number
  readonly #ring: ReadonlyArray<Int16Array>
  /** Of the frames in the ring: their reply, and where they end in it, in ms. */
  readonly #epochs = new Float64Array(MAX_QUEUED_FRAMES)
  readonly #untilMs = new Float64Array(MAX_QUEUED_FRAMES)
  readonly #silence: Int16Array
  #head = 0
  #size = 0
  #trailing = 0
  #talking = false
  #sequence: number
  #timestamp: number

  constructor(options: VoiceSenderOptions) {
    this.#options = options
    this.#frame = options.sampleRate * frameMs / 1000
    this.#ring = Array.from({ length: MAX_QUEUED_FRAMES }, () => new Int16Array(this.#frame))
    this.#silence = new Int16Array(this.#frame)
    this.#sequence = options.sequence & 0xffff
    this.#timestamp = options.timestamp >>> 0
  }

  /** Milliseconds that are queued. */
  get queuedMs(): number {
    return this.#size * frameMs
  }

  /**
   * Queues a frame of 20 ms, a shorter one padded with silence; `false` when the queue is full. It begins at this position of the
   * reply of this epoch, in ms.
   */
  push(frame: Int16Array, epoch = 0, positionMs = 0): boolean {
    if (this.#size === MAX_QUEUED_FRAMES) return false
    const at = (this.#head + this.#size) % MAX_QUEUED_FRAMES
    const slot = this.#ring[at]!
    this.#epochs[at] = epoch
    this.#untilMs[at] = positionMs + frameMs
    if (frame.length < this.#frame) slot.fill(0)
    slot.set(frame.length > this.#frame ? frame.subarray(0, this.#frame) : frame)
    this.#size++
    return true
  }

  /** Drops what is queued and returns how many milliseconds that was. */
  clear(): number {
    const ms = this.queuedMs
    this.#size = 0
    return ms
  }

  /** Called every 20 ms: sends one frame, if there is one. The timestamp advances in any case. */
  tick(): void {
    this.#timestamp = (this.#timestamp + OpusRtp.TICKS_PER_FRAME) >>> 0
    if (!this.#options.isOpen()) return
    if (this.#size > 0) {
      const at = this.#head
      this.#head = (at + 1) % MAX_QUEUED_FRAMES
      this.#size--
      this.#trailing = TRAILING_FRAMES
      this.#transmit(this.#ring[at]!)
      return this.#options.sent?.(this.#epochs[at]!, this.#untilMs[at]!, this.#size === 0)
    }
    if (this.#trailing > 0) {
      this.#trailing--
      return this.#transmit(this.#silence)
    }
    this.#talking = false
  }

  #transmit(pcm: Int16Array): void {
    const { payloadType, ssrc } = this.#options
    this.#sequence = (this.#sequence + 1) & 0xffff
    this.#options.transmit(OpusRtp.build({
      payloadType,
      marker: !this.#talking,
      sequence: this.#sequence,
      timestamp: this.#timestamp,
      ssrc,
      payload: this.#options.encode(pcm)
    }))
    this.#talking = true
  }
}
