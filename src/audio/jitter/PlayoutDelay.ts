/**
 * Controls the playout delay of a jitter buffer: measures it, and asks for corrections towards a target.
 *
 * Plain arithmetic; constant time per packet.
 *
 * @since 0.1.0
 */

// A deviation of one packet is corrected after this many packets (1 s), one of n packets n times as soon.
const packetsPerCorrection = 50
const minPacketsPerCorrection = 3

/**
 * All values are in packets.
 *
 * @category models
 * @since 0.1.0
 */
export class PlayoutDelay {
  readonly #minDepth: number
  readonly #maxDepth: number
  /** The target depth. */
  target: number
  /** The correction to make at the next pull: 1 drops a packet, -1 holds playout for one pull. The buffer sets it to 0. */
  correction = 0
  // The delays of packets from their earliest arrival to their playout, since the last correction.
  #min = Infinity
  #max = -Infinity
  #count = 0

  constructor(minDepth: number, maxDepth: number, target: number) {
    this.#minDepth = minDepth
    this.#maxDepth = maxDepth
    this.target = Math.max(minDepth, Math.min(maxDepth, target))
  }

  /** Sets the target, limited to the smallest and largest depth. */
  setTarget(depth: number): void {
    this.target = Math.max(this.#minDepth, Math.min(this.#maxDepth, depth))
  }

  /**
   * Measures the delay of one packet. The delay is the same for every packet, early or late, up to one packet for the phase of
   * arrivals to pulls, so it should be within [target - 1, target].
   */
  observe(delay: number): void {
    this.#min = Math.min(this.#min, delay)
    this.#max = Math.max(this.#max, delay)
    this.#count++
    const excess = this.#min - this.target
    const shortage = this.target - 1 - this.#max
    const off = Math.max(excess, shortage)
    const packets = Math.max(minPacketsPerCorrection, Math.min(packetsPerCorrection, packetsPerCorrection / off))
    if (off > 0 && this.#count >= packets) {
      this.reset(excess > 0 ? 1 : -1)
    } else if (this.#count >= packetsPerCorrection) {
      this.reset()
    }
  }

  /** Starts a new measurement, with the given correction. */
  reset(correction = 0): void {
    this.#min = Infinity
    this.#max = -Infinity
    this.#count = 0
    this.correction = correction
  }
}
