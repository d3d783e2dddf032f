/**
 * The user's voice out of Opus packets: jitter buffer, decoder, concealment. Called at each tick of a 20 ms clock.
 *
 * Plain and synchronous; what it hands out is only valid during the call.
 *
 * @since 0.1.0
 */
import { frameMs } from "../audio/AudioFormat.ts"
import { JitterBuffer } from "../audio/JitterBuffer.ts"
import * as Pcm from "../audio/Pcm.ts"
import type * as OpusRtp from "./OpusRtp.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface VoiceReceiverOptions {
  /** What the decoder gives, in Hz. */
  readonly sampleRate: number
  /** Throws on a packet that is no Opus. Its result may be shared memory. */
  readonly decode: (payload: Uint8Array) => Uint8Array
  readonly audio: (pcm: Int16Array) => void
  readonly gap: (samples: number) => void
}

/** A lost frame sounds like the last one, fading, for 60 ms; then it is silent. */
const FADES = [0.7, 0.35, 0.1]
/** What is missing for longer than 500 ms is no longer made up, but told as a gap. */
const LONGEST_MADE_UP_FRAMES = 25
/** Packets of 5 ms are the shortest but one that Opus has (RFC 6716 §2.1.4). */
const MAX_PACKETS_PER_TICK = 4

/**
 * @category models
 * @since 0.1.0
 */
export class VoiceReceiver {
  readonly #options: VoiceReceiverOptions
  readonly #buffer = new JitterBuffer<Uint8Array>()
  readonly #frame: number
  readonly #last: Int16Array
  readonly #scratch: Int16Array
  #started = false
  /** Samples that the clock has asked for and nobody has delivered yet; negative after a packet of more than 20 ms. */
  #debt = 0
  /** Frames in a row that were not there. */
  #missing = 0
  #invalid = 0

  constructor(options: VoiceReceiverOptions) {
    this.#options = options
    this.#frame = options.sampleRate * frameMs / 1000
    this.#last = new Int16Array(this.#frame)
    this.#scratch = new Int16Array(this.#frame)
  }

  /** Payloads that the decoder refused. */
  get invalid(): number {
    return this.#invalid
  }

  get buffer(): JitterBuffer<Uint8Array> {
    return this.#buffer
  }

  push(packet: OpusRtp.RtpPacket, arrivalMs: number): void {
    this.#started = true
    this.#buffer.push(packet.sequence, packet.timestamp, packet.payload, arrivalMs)
  }

  /** 20 ms have passed. */
  tick(): void {
    // The timeline begins with the first packet.
    if (!this.#started) return
    this.#debt += this.#frame
    for (let i = 0; i < MAX_PACKETS_PER_TICK; i++) {
      const pulled = this.#buffer.pull()
      if (typeof pulled === "object") this.#play(pulled)
      else {
        // A long packet is followed by "silence", which has been heard already.
        if (this.#debt > 0) this.#makeUp(pulled === "silence")
        return
      }
      if (this.#debt <= 0) return
    }
  }

  #play(payload: Uint8Array): void {
    let bytes: Uint8Array
    try {
      bytes = this.#options.decode(payload)
    } catch {
      this.#invalid++
      if (this.#debt > 0) this.#makeUp(false)
      return
    }
    const pcm = Pcm.toInt16(bytes)
    if (pcm.length === 0) return
    const end = pcm.subarray(Math.max(0, pcm.length - this.#frame))
    this.#last.fill(0)
    this.#last.set(end, this.#frame - end.length)
    this.#missing = 0
    this.#debt -= pcm.length
    this.#options.audio(pcm)
  }

  #makeUp(silence: boolean): void {
    const samples = Math.min(this.#debt, this.#frame)
    this.#debt = 0
    const fade = silence ? undefined : FADES[this.#missing]
    if (++this.#missing > LONGEST_MADE_UP_FRAMES) return this.#options.gap(samples)
    if (fade === undefined) this.#scratch.fill(0)
    else Pcm.gain(this.#last, fade, this.#scratch)
    this.#options.audio(this.#scratch.subarray(0, samples))
  }
}
