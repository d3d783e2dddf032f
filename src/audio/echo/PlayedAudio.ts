/**
 * What is played to the user, by the time at which it is heard: two seconds of samples, which are written ahead of time, taken
 * back when playout is cut, and read as the user's audio arrives. Silence wherever nothing is held.
 *
 * Plain and synchronous; its memory is allocated once. Times are counted in samples.
 *
 * @since 0.1.0
 */

/** About 2 s at 16 kHz: what is sent ahead, what a connection holds, and what is late. */
const CAPACITY = 1 << 15

/**
 * @category models
 * @since 0.1.0
 */
export class PlayedAudio {
  readonly #samples = new Int16Array(CAPACITY)
  /** Held is what was written before this, at most `CAPACITY` samples of it. */
  #end = Number.NEGATIVE_INFINITY
  /** After the last sample that is not zero, as far as is known. */
  #soundUntil = Number.NEGATIVE_INFINITY

  /** The most samples that it holds. */
  get capacity(): number {
    return CAPACITY
  }

  /** The time after the last sample that may be a sound. */
  get soundUntil(): number {
    return this.#soundUntil
  }

  /** Takes samples to be heard from this time on, in place of any that it held for the time. */
  write(pcm: Int16Array, at: number): void {
    const to = at + pcm.length
    if (to > this.#end) this.#moveTo(to)
    const start = this.#end - CAPACITY
    for (let i = Math.max(0, start - at); i < pcm.length; i++) {
      const sample = pcm[i]!
      this.#samples[place(at + i)] = sample
      if (sample !== 0 && at + i >= this.#soundUntil) this.#soundUntil = at + i + 1
    }
  }

  /** Nothing is heard from this time on. */
  cut(at: number): void {
    if (at < this.#end) this.#clear(Math.max(at, this.#end - CAPACITY), this.#end)
    if (at < this.#soundUntil) this.#soundUntil = at
  }

  /** Fills `out` with what is heard from this time on. */
  read(at: number, out: Int16Array): void {
    const start = this.#end - CAPACITY
    for (let i = 0; i < out.length; i++) {
      const time = at + i
      out[i] = time < this.#end && time >= start ? this.#samples[place(time)]! : 0
    }
  }

  /** What it does not hold for the time between is silence. */
  #moveTo(end: number): void {
    const from = Math.max(this.#end, end - CAPACITY)
    this.#end = end
    this.#clear(from, end)
  }

  #clear(from: number, to: number): void {
    const count = to - from
    if (count <= 0) return
    const first = place(from)
    const whole = Math.min(count, CAPACITY - first)
    this.#samples.fill(0, first, first + whole)
    this.#samples.fill(0, 0, count - whole)
  }
}

/** A time may lie before zero. */
const place = (time: number): number => {
  const rest = time % CAPACITY
  return rest < 0 ? rest + CAPACITY : rest
}
