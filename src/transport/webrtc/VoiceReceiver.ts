/**
 * The user's voice from Opus packets: jitter buffer, decoder and packet loss concealment, driven by a 20 ms clock.
 *
 * Synchronous; the audio that it passes on is only valid during the call.
 *
 * @since 0.1.0
 */
import { frameMs } from "../../audio/AudioFormat.ts"
import { JitterBuffer } from "../../audio/jitter/JitterBuffer.ts"
import * as Pcm from "../../audio/Pcm.ts"
import type * as OpusRtp from "./OpusRtp.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface VoiceReceiverOptions {
  /** Of the decoder's output, in Hz. */
  readonly sampleRate: number
  /** Throws on an invalid packet. Its result may be shared memory. */
  readonly decode: (payload: Uint8Array) => Uint8Array
  /** Receives decoded PCM, 20 ms at a time. */
  readonly audio: (pcm: Int16Array) => void
  /** Is told of lost audio that could not be concealed, in samples. */
  readonly gap: (samples: number) => void
}

/** Gains of the last frame that stands in for lost ones: it fades out for 60 ms, then silence follows. */
const CONCEALMENT_GAINS = [0.7, 0.35, 0.1]
/** Loss of more than 500 ms is not concealed any more, but reported as a gap. */
const MAX_CONCEALED_FRAMES = 25
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
  /** Samples that are due and not delivered yet; negative after a packet of more than 20 ms. */
  #due = 0
  /** Lost frames in a row. */
  #lost = 0
  #invalid = 0

  constructor(options: VoiceReceiverOptions) {
    this.#options = options
    this.#frame = options.sampleRate * frameMs / 1000
    this.#last = new Int16Array(this.#frame)
    this.#scratch = new Int16Array(this.#frame)
  }

  /** Payloads that the decoder rejected. */
  get invalid(): number {
    return this.#invalid
  }

  get buffer(): JitterBuffer<Uint8Array> {
    return this.#buffer
  }

  /** Takes an RTP packet that arrived at `arrivalMs` (monotonic, in ms). */
  push(packet: OpusRtp.RtpPacket, arrivalMs: number): void {
    this.#started = true
    this.#buffer.push(packet.sequence, packet.timestamp, packet.payload, arrivalMs)
  }

  /** 20 ms have passed. */
  tick(): void {
    // The timeline begins with the first packet.
    if (!this.#started) return
    this.#due += this.#frame
    for (let i = 0; i < MAX_PACKETS_PER_TICK; i++) {
      const pulled = this.#buffer.pull()
      if (typeof pulled === "object") this.#play(pulled)
      else {
        // A packet longer than 20 ms has filled this tick already.
        if (this.#due > 0) this.#conceal(pulled === "silence")
        return
      }
      if (this.#due <= 0) return
    }
  }

  #play(payload: Uint8Array): void {
    let bytes: Uint8Array
    try {
      bytes = this.#options.decode(payload)
    } catch {
      this.#invalid++
      if (this.#due > 0) this.#conceal(false)
      return
    }
    const pcm = Pcm.toInt16(bytes)
    if (pcm.length === 0) return
    const end = pcm.subarray(Math.max(0, pcm.length - this.#frame))
    this.#last.fill(0)
    this.#last.set(end, this.#frame - end.length)
    this.#lost = 0
    this.#due -= pcm.length
    this.#options.audio(pcm)
  }

  #conceal(silence: boolean): void {
    const samples = Math.min(this.#due, this.#frame)
    this.#due = 0
    const fade = silence ? undefined : CONCEALMENT_GAINS[this.#lost]
    if (++this.#lost > MAX_CONCEALED_FRAMES) return this.#options.gap(samples)
    if (fade === undefined) this.#scratch.fill(0)
    else Pcm.gain(this.#last, fade, this.#scratch)
    this.#options.audio(this.#scratch.subarray(0, samples))
  }
}
