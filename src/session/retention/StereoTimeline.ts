/**
 * The two channels of a recording on one timeline: the user left, the agent right, silence in between.
 *
 * A plain object on the hot path: samples are copied into a ring that is allocated once. The agent's audio is pushed ahead
 * of its time and can still be cut; the writer takes what is old enough. While it takes nothing, samples that do not fit
 * are lost and counted, and the timeline goes on.
 *
 * @since 0.1.0
 */

/** Audio that is at most this far from where it is due follows the former audio, in ms: the jitter of arrival. */
const TOLERANCE_MS = 60
/** The user's audio may arrive this late, in ms; the writer must leave it as much time. */
const LATEST_MS = 400

/**
 * @category models
 * @since 0.1.0
 */
export class StereoTimeline {
  readonly sampleRate: number
  readonly #startMs: number
  readonly #ring: Int16Array
  readonly #capacity: number
  /** The first sample that was not taken. */
  #taken = 0
  /** Where the next sample of each channel belongs: left, right. */
  readonly #next: [left: number, right: number] = [Number.NEGATIVE_INFINITY, 0]
  /** The least delay of the user's samples within the present second of them. */
  #leastDelay = Number.POSITIVE_INFINITY
  #secondSamples = 0
  #lost = 0

  constructor(options: { readonly sampleRate: number; readonly startMs: number; readonly capacityMs: number }) {
    this.sampleRate = options.sampleRate
    this.#startMs = options.startMs
    this.#capacity = this.#samples(options.capacityMs)
    this.#ring = new Int16Array(2 * this.#capacity)
  }

  /** Samples that did not fit, of both channels together. */
  get lost(): number {
    return this.#lost
  }

  /**
   * Adds the user's samples that have just arrived, after the former ones. Late audio comes in a burst and fills the gap; a
   * delay that is not made up within a second was a pause.
   */
  user(pcm: Int16Array, nowMs: number): void {
    const due = this.#samples(nowMs - this.#startMs) - pcm.length
    const behind = due - this.#next[0]
    if (behind > this.#samples(LATEST_MS)) this.#next[0] = due
    this.#leastDelay = Math.min(this.#leastDelay, due - this.#next[0])
    this.#write(0, pcm, this.#next[0])
    this.#secondSamples += pcm.length
    if (this.#secondSamples < this.sampleRate) return
    if (this.#leastDelay > this.#samples(TOLERANCE_MS)) this.#next[0] += this.#leastDelay
    this.#leastDelay = Number.POSITIVE_INFINITY
    this.#secondSamples = 0
  }

  /** Adds the agent's samples, to be heard at this time. */
  agent(pcm: Int16Array, atMs: number): void {
    const due = this.#samples(atMs - this.#startMs)
    this.#write(1, pcm, Math.abs(due - this.#next[1]) <= this.#samples(TOLERANCE_MS) ? this.#next[1] : due)
  }

  /** Silences the agent from this time on, as far as its audio was added. */
  cut(atMs: number): void {
    const from = Math.max(this.#taken, this.#samples(atMs - this.#startMs))
    const until = Math.min(this.#next[1], this.#taken + this.#capacity)
    for (let at = from; at < until; at++) this.#ring[2 * (at % this.#capacity) + 1] = 0
    this.#next[1] = Math.min(this.#next[1], from)
  }

  /** Takes the samples before this time, interleaved, at most the length of the ring at once; empty when there are none. */
  take(untilMs: number): Int16Array {
    const count = Math.min(this.#capacity, this.#samples(untilMs - this.#startMs) - this.#taken)
    if (count <= 0) return new Int16Array(0)
    const out = new Int16Array(2 * count)
    const begin = this.#taken % this.#capacity
    const first = Math.min(count, this.#capacity - begin)
    out.set(this.#ring.subarray(2 * begin, 2 * (begin + first)))
    out.set(this.#ring.subarray(0, 2 * (count - first)), 2 * first)
    this.#ring.fill(0, 2 * begin, 2 * (begin + first))
    this.#ring.fill(0, 0, 2 * (count - first))
    this.#taken += count
    return out
  }

  #samples(ms: number): number {
    return Math.round(ms * this.sampleRate / 1000)
  }

  #write(channel: 0 | 1, pcm: Int16Array, start: number): void {
    for (let i = 0; i < pcm.length; i++) {
      const at = start + i
      if (at < this.#taken || at >= this.#taken + this.#capacity) this.#lost++
      else this.#ring[2 * (at % this.#capacity) + channel] = pcm[i] ?? 0
    }
    this.#next[channel] = start + pcm.length
  }
}
