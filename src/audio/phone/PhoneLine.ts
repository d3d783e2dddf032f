/**
 * A telephone line between a caller and a server, as a carrier makes it: 8 kHz, the band of a telephone, µ-law both ways,
 * packets of 20 ms that come late or not at all.
 *
 * Plain and synchronous; the caller of its methods passes the time, in ms, monotonic.
 *
 * @since 0.1.0
 */
import * as G711 from "../G711.ts"
import { SampleQueue } from "../SampleQueue.ts"
import { PACKET, RATE } from "./PhoneRate.ts"
import { TelephoneBand } from "./TelephoneBand.ts"

export { PACKET, RATE } from "./PhoneRate.ts"

/** The most audio of the server that waits at the carrier, a minute; what is sent on top is dropped. */
const MAX_WAITING = 60 * RATE

/** A code of µ-law for no sound. */
const SILENCE = 0xff

/**
 * @category models
 * @since 0.1.0
 */
export interface PhoneLineOptions {
  /** By how much a packet may be late, in ms, at least 0: the caller's packets by anything up to it, each after the one before. */
  readonly jitterMs: number
  /** The share of packets that are lost, 0 to 1. In their place the carrier delivers silence. */
  readonly loss: number
  /** A random number of at least 0 and below 1. */
  readonly random: () => number
  /** Takes 20 ms of the caller's speech as they reach the server; valid only during the call. */
  readonly onSpeech: (pcm: Int16Array) => void
  /** Takes the 20 ms that the caller hears; valid only during the call. */
  readonly onHeard: (pcm: Int16Array) => void
}

/** A packet on its way to the server. */
interface Packet {
  readonly codes: Uint8Array
  readonly atMs: number
}

/**
 * @category models
 * @since 0.1.0
 */
export class PhoneLine {
  readonly #options: PhoneLineOptions
  readonly #toServer = new TelephoneBand()
  readonly #toCaller = new TelephoneBand()
  readonly #pcm = new Int16Array(PACKET)
  readonly #codes = new Uint8Array(PACKET)
  /** At the phone: a jitter buffer that is as long as packets are late. */
  readonly #phone: SampleQueue
  /** At the carrier: what it has of the server and not yet sent to the phone. */
  #waiting = new SampleQueue()
  #onTheWay: Array<Packet> = []
  #lastMs = Number.NEGATIVE_INFINITY

  constructor(options: PhoneLineOptions) {
    this.#options = options
    this.#phone = new SampleQueue(Math.round(options.jitterMs * RATE / 1_000))
  }

  /** 20 ms pass: the caller says these 160 samples, and hears as many. */
  tick(speech: Int16Array, nowMs: number): void {
    this.arrive(nowMs)
    this.#say(speech, nowMs)
    this.#hear()
    this.arrive(nowMs)
  }

  /** Passes on the packets that have reached the server by now. */
  arrive(nowMs: number): void {
    while (this.#onTheWay.length > 0 && this.#onTheWay[0]!.atMs <= nowMs) {
      this.#options.onSpeech(G711.decodeMuLaw(this.#onTheWay.shift()!.codes, this.#pcm))
    }
  }

  /** The server sends audio at 8 kHz, which the carrier plays after what it has. */
  send(pcm: Int16Array): void {
    if (this.#waiting.length + pcm.length <= MAX_WAITING) this.#waiting.push(pcm)
  }

  /** The server takes back what the carrier has not played. */
  clear(): void {
    this.#waiting = new SampleQueue()
  }

  #say(speech: Int16Array, nowMs: number): void {
    const { jitterMs, loss, random } = this.#options
    const pcm = this.#pcm.fill(0)
    pcm.set(speech.subarray(0, PACKET))
    const codes = G711.encodeMuLaw(this.#toServer.process(pcm))
    if (random() < loss) codes.fill(SILENCE)
    this.#lastMs = Math.max(this.#lastMs, nowMs + random() * jitterMs)
    this.#onTheWay.push({ codes, atMs: this.#lastMs })
  }

  #hear(): void {
    const { loss, onHeard, random } = this.#options
    const codes = G711.encodeMuLaw(this.#toCaller.process(this.#waiting.take(this.#pcm)), this.#codes)
    if (random() < loss) codes.fill(SILENCE)
    this.#phone.push(G711.decodeMuLaw(codes, this.#pcm))
    onHeard(this.#phone.take(this.#pcm))
  }
}
