/**
 * Mixes the voices of several participants, 20 ms at a time.
 *
 * @since 0.1.0
 */
import { frameMs } from "../../../audio/AudioFormat.ts"
import { SampleQueue } from "../../../audio/SampleQueue.ts"

/** The most audio of one voice that waits to be mixed, in ms, as after a stall of the process; the oldest is dropped beyond it. */
const MAX_WAITING_MS = 2_000

/**
 * @category models
 * @since 0.1.0
 */
export class RoomMixer {
  readonly #voices = new Map<string, SampleQueue>()
  readonly #frame: number
  readonly #max: number
  readonly #one: Int16Array
  readonly #sum: Int32Array
  readonly #out: Int16Array

  /** `sampleRate` in Hz, of all voices and of the mix. */
  constructor(sampleRate: number) {
    this.#frame = sampleRate * frameMs / 1_000
    this.#max = sampleRate * MAX_WAITING_MS / 1_000
    this.#one = new Int16Array(this.#frame)
    this.#sum = new Int32Array(this.#frame)
    this.#out = new Int16Array(this.#frame)
  }

  /** The number of voices. */
  get size(): number {
    return this.#voices.size
  }

  /** How much of the voice of which the most waits, in ms. */
  get waitingMs(): number {
    let most = 0
    for (const { length } of this.#voices.values()) if (length > most) most = length
    return most / this.#frame * frameMs
  }

  push(identity: string, pcm: Int16Array): void {
    let voice = this.#voices.get(identity)
    if (voice === undefined) this.#voices.set(identity, voice = new SampleQueue())
    const newest = pcm.length > this.#max ? pcm.subarray(pcm.length - this.#max) : pcm
    const surplus = voice.length + newest.length - this.#max
    if (surplus > 0) voice.take(new Int16Array(Math.min(surplus, voice.length)))
    voice.push(newest)
  }

  /** Removes a voice; returns whether it existed. */
  remove(identity: string): boolean {
    return this.#voices.delete(identity)
  }

  /** Returns the next 20 ms, clipped and valid until the next call; `undefined` without a voice. */
  take(): Int16Array | undefined {
    if (this.#voices.size === 0) return undefined
    this.#sum.fill(0)
    for (const voice of this.#voices.values()) {
      if (voice.length === 0) continue
      voice.take(this.#one)
      for (let i = 0; i < this.#frame; i++) this.#sum[i]! += this.#one[i]!
    }
    for (let i = 0; i < this.#frame; i++) this.#out[i] = Math.max(-32_768, Math.min(32_767, this.#sum[i]!))
    return this.#out
  }
}
