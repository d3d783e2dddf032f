/**
 * Two voices on one timeline, for a recording: the user left, the agent right, silence where nobody speaks.
 *
 * A plain object on the hot path: samples are copied into a ring that is made once. What was handed over for later can
 * still be cut; a reader takes what is old enough. When nobody takes, what does not fit is lost and counted, and the
 * timeline goes on.
 *
 * @since 0.1.0
 */

/** A source that is at most this far from where it should be is taken to go on, in ms: the jitter of arrival. */
const TOLERANCE_MS = 60
/** What the user says is awaited so long; a reader must leave it as much time. */
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
  /** How far the user's samples are behind time at least, over the last second of them. */
  #least = Number.POSITIVE_INFINITY
  #since = 0
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
   * The user's samples, which have just arrived: they follow the former ones. What comes late, comes in a burst and fills
   * the gap; what does not catch up within a second was a silence.
   */
  user(pcm: Int16Array, nowMs: number): void {
    const due = this.#samples(nowMs - this.#startMs) - pcm.length
    const behind = due - this.#next[0]
    if (behind > this.#samples(LATEST_MS)) this.#next[0] = due
    this.#least = Math.min(this.#least, due - this.#next[0])
    this.#write(0, pcm, this.#next[0])
    this.#since += pcm.length
    if (this.#since < this.sampleRate) return
    if (this.#least > this.#samples(TOLERANCE_MS)) this.#next[0] += this.#least
    this.#least = Number.POSITIVE_INFINITY
    this.#since = 0
  }

  /** The agent's samples, to be heard at this time. */
  agent(pcm: Int16Array, atMs: number): void {
    const due = this.#samples(atMs - this.#startMs)
    this.#write(1, pcm, Math.abs(due - this.#next[1]) <= this.#samples(TOLERANCE_MS) ? this.#next[1] : due)
  }

  /** Nothing of the agent is heard from this time on, whatever was handed over. */
  cut(atMs: number): void {
    const from = Math.max(this.#taken, this.#samples(atMs - this.#startMs))
    const until = Math.min(this.#next[1], this.#taken + this.#capacity)
    for (let at = from; at < until; at++) this.#ring[2 * (at % this.#capacity) + 1] = 0
    this.#next[1] = Math.min(this.#next[1], from)
  }

  /** Takes what lies before this time, interleaved, at most one ring's length at once; empty when there is none. */
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
