/**
 * The user's voice from Opus packets: jitter buffer, decoder and packet loss concealment, driven by a 20 ms clock.
 *
 * What listens is no loudspeaker: it needs every word, but no steady playout. While the network stalls in the middle of speech,
 * nothing is passed on, for up to a second, and then what came late follows all at once: no word is lost, and no silence is put
 * into one. In a pause silence is passed on instead, and taken off the silence that comes late. A sender that stops because there is
 * nothing to hear (DTX) is told apart by its last packet.
 *
 * One stream is heard at a time. A sender may begin another, whose numbers and times have nothing to do with the former's: two
 * packets of it confirm that.
 *
 * Synchronous; the audio that it passes on is only valid during the call.
 *
 * @since 0.1.0
 */
import { frameMs } from "../../audio/AudioFormat.ts"
import { JitterBuffer } from "../../audio/jitter/JitterBuffer.ts"
import * as Pcm from "../../audio/Pcm.ts"
import * as OpusRtp from "./OpusRtp.ts"

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
/** How many packets are kept: 3 s, more than a stall that speech is held for. */
const CAPACITY = 150
/** How long speech is held while nothing comes: 1 s. Then the user has stopped, or the network is down, and silence follows. */
const MAX_HELD_FRAMES = 50
/** How many late packets are passed on in one tick, so that decoding them holds up nobody else: 320 ms. */
const MAX_SURPLUS_PER_TICK = 16
/** Quieter than this, of 32,768, is a pause. */
const MIN_PEAK = 100
/** An Opus packet without audio is a header of one or two bytes: the sender's last one before it stops sending (DTX). */
const MAX_DTX_BYTES = 2
/** Two packets of another stream confirm it if their numbers are not further apart. */
const MAX_DISTANCE = 3
/** For how long a new stream is the only one: packets of the former may come late, and a flood of streams costs no more. */
const STREAM_TICKS = 25

const isQuiet = (pcm: Int16Array): boolean => pcm.every((sample) => sample < MIN_PEAK && sample > -MIN_PEAK)

/**
 * @category models
 * @since 0.1.0
 */
export class VoiceReceiver {
  readonly #options: VoiceReceiverOptions
  readonly #buffer = new JitterBuffer<Uint8Array>({ capacity: CAPACITY })
  readonly #frame: number
  readonly #last: Int16Array
  readonly #scratch: Int16Array
  #started = false
  /** The stream that is heard. */
  #ssrc = 0
  /** A packet of another stream, until a second one confirms it. */
  #other: { readonly packet: OpusRtp.RtpPacket; readonly arrivalMs: number } | undefined
  /** For how many ticks no other stream is heard. */
  #settling = 0
  /** Samples that are due and not delivered yet; negative after a packet of more than 20 ms. */
  #due = 0
  /** Samples that are held: they are due, but may come late. */
  #held = 0
  /** The user is not speaking any more, as far as can be heard: nothing is held. */
  #paused = true
  /** Samples of silence that were passed on, and may come late. */
  #madeUp = 0
  /** The buffer's `skipped`, as far as it is accounted for. */
  #skipped = 0
  /** How many samples may be passed on beside those that are due: 3 s, and as many as are due. */
  #allowance: number
  /** The size of the last payload. */
  #lastBytes = 0
  /** Lost frames in a row. */
  #lost = 0
  #invalid = 0

  constructor(options: VoiceReceiverOptions) {
    this.#options = options
    this.#frame = options.sampleRate * frameMs / 1000
    this.#allowance = CAPACITY * this.#frame
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
    if (!this.#started) {
      this.#started = true
      this.#ssrc = packet.ssrc
    }
    if (packet.ssrc !== this.#ssrc) return this.#pushOther(packet, arrivalMs)
    this.#buffer.push(packet.sequence, packet.timestamp, packet.payload, arrivalMs)
  }

  #pushOther(packet: OpusRtp.RtpPacket, arrivalMs: number): void {
    if (this.#settling > 0) return
    const first = this.#other
    // They may come in the wrong order.
    const distance = first === undefined ? 0 : Math.abs((packet.sequence - first.packet.sequence) << 16 >> 16)
    if (first?.packet.ssrc !== packet.ssrc || distance === 0 || distance > MAX_DISTANCE) {
      this.#other = { packet, arrivalMs }
      return
    }
    this.#other = undefined
    this.#settling = STREAM_TICKS
    this.#ssrc = packet.ssrc
    this.#endStream()
    this.push(first.packet, first.arrivalMs)
    this.push(packet, arrivalMs)
  }

  /** Passes on what is left of the stream. */
  #endStream(): void {
    for (let i = 0; i < CAPACITY && this.#buffer.depth > 0 && this.#allowance > 0; i++) {
      const pulled = this.#buffer.pull()
      if (pulled === undefined) continue
      if (typeof pulled === "object") this.#allowance -= this.#play(pulled, true)
      else {
        this.#conceal(this.#frame, pulled === "silence")
        this.#allowance -= this.#frame
      }
    }
    this.#buffer.reset()
  }

  /** 20 ms have passed. */
  tick(): void {
    // The timeline begins with the first packet.
    if (!this.#started) return
    this.#due += this.#frame
    if (this.#settling > 0) this.#settling--
    this.#allowance = Math.min(CAPACITY * this.#frame, this.#allowance + this.#frame)
    this.#takeSurplus()
    for (let i = 0; i < MAX_PACKETS_PER_TICK && this.#due > 0; i++) {
      const pulled = this.#buffer.pull()
      if (pulled === undefined) return this.#wait()
      if (this.#buffer.skipped !== this.#skipped || this.#held > 0) this.#endWait()
      if (typeof pulled === "object") this.#due -= this.#play(pulled, false)
      else {
        this.#conceal(Math.min(this.#due, this.#frame), pulled === "silence")
        this.#due = 0
      }
    }
  }

  /** Passes on what came late. */
  #takeSurplus(): void {
    for (let i = 0; i < MAX_SURPLUS_PER_TICK && this.#allowance > 0; i++) {
      const taken = this.#buffer.takeSurplus()
      if (taken === undefined) return
      if (typeof taken === "object") this.#allowance -= this.#play(taken, true)
      else {
        if (taken === "lost" || !this.#wasMadeUp(this.#frame)) this.#conceal(this.#frame, taken === "silence")
        this.#allowance -= this.#frame
      }
    }
  }

  /** Nothing has come for the samples that are due. */
  #wait(): void {
    const samples = this.#due
    this.#due = 0
    if (this.#held === 0) this.#paused ||= this.#lastBytes <= MAX_DTX_BYTES || isQuiet(this.#last)
    if (this.#paused) return this.#makeUp(samples)
    this.#held += samples
    if (this.#held <= MAX_HELD_FRAMES * this.#frame) return
    const held = this.#held
    this.#held = 0
    this.#paused = true
    this.#makeUp(held)
  }

  /** Something has come: only what is missing before it is made up for. */
  #endWait(): void {
    const missing = (this.#buffer.skipped - this.#skipped) * this.#frame
    this.#skipped = this.#buffer.skipped
    const held = Math.min(missing, this.#held)
    this.#held = 0
    if (held > 0) this.#conceal(held, false)
    this.#madeUp = Math.max(0, this.#madeUp - (missing - held))
  }

  #makeUp(samples: number): void {
    this.#conceal(samples, false)
    this.#madeUp = Math.min(CAPACITY * this.#frame, this.#madeUp + samples)
  }

  /** Whether silence was passed on for this silence already. */
  #wasMadeUp(samples: number): boolean {
    if (this.#madeUp < samples) return false
    this.#madeUp -= samples
    return true
  }

  /** Decodes a packet and passes it on, but not silence that is surplus. Returns the length in samples. */
  #play(payload: Uint8Array, isSurplus: boolean): number {
    let bytes: Uint8Array
    try {
      bytes = this.#options.decode(payload)
    } catch {
      this.#invalid++
      this.#conceal(this.#frame, false)
      return this.#frame
    }
    const pcm = Pcm.toInt16(bytes)
    if (pcm.length === 0) return 0
    if (pcm.length !== this.#frame) this.#buffer.covers(pcm.length / this.#frame * OpusRtp.TICKS_PER_FRAME)
    const end = pcm.subarray(Math.max(0, pcm.length - this.#frame))
    this.#last.fill(0)
    this.#last.set(end, this.#frame - end.length)
    this.#lastBytes = payload.length
    this.#lost = 0
    this.#paused = false
    if (!isSurplus || this.#madeUp === 0 || !isQuiet(pcm) || !this.#wasMadeUp(pcm.length)) this.#options.audio(pcm)
    return pcm.length
  }

  #conceal(samples: number, silence: boolean): void {
    for (let left = samples; left > 0; left -= this.#frame) {
      const fade = silence ? undefined : CONCEALMENT_GAINS[this.#lost]
      if (++this.#lost > MAX_CONCEALED_FRAMES) return this.#options.gap(left)
      if (fade === undefined) this.#scratch.fill(0)
      else Pcm.gain(this.#last, fade, this.#scratch)
      this.#options.audio(left < this.#frame ? this.#scratch.subarray(0, left) : this.#scratch)
    }
  }
}
