/**
 * Measures the jitter of packet arrivals, and the depth that a jitter buffer needs for it.
 *
 * Reads no clock; constant memory and time per packet.
 *
 * @since 0.1.0
 */

// An observation weighs 1/e after 200 packets (4 s): long enough to outlast a burst, short enough to recover.
const decay = 1 - 1 / 200
const quantile = 0.97
const observationsBeforeAdapting = 25
// The fastest packet of the last 5 to 10 s is the reference, so that clock drift moves it along.
const referenceWindow = 250
// A transit time that changes by more means that the sender has a new timeline; it is not jitter.
const maxTransitLeapMs = 2000

/**
 * @category models
 * @since 0.1.0
 */
export class ArrivalJitter {
  readonly #packetTicks: number
  readonly #packetMs: number
  // Weights by lateness in packets, rounded up.
  readonly #weights: Float64Array
  #weight = 0
  #observations = 0
  #depth: number | undefined
  #transit = Number.NaN
  // The smallest transit time of the present and of the previous window.
  #least = Infinity
  #previousLeast = Infinity
  #leastCount = 0

  constructor(options: {
    /** Timestamp units of one packet. */
    readonly packetTicks: number
    /** Length of one packet in ms. */
    readonly packetMs: number
    /** The largest depth that is measured, in packets. */
    readonly maxDepth: number
  }) {
    this.#packetTicks = options.packetTicks
    this.#packetMs = options.packetMs
    this.#weights = new Float64Array(options.maxDepth + 1)
  }

  /** The depth in packets that lets 97 of 100 packets arrive in time; undefined until 25 packets were seen. */
  get depth(): number | undefined {
    return this.#depth
  }

  /** Learns from an arrival and returns how much later than the fastest packet it came, in packets. */
  observe(timestamp: number, arrivalMs: number): number {
    const transit = arrivalMs - timestamp / this.#packetTicks * this.#packetMs
    if (!(Math.abs(transit - this.#transit) <= maxTransitLeapMs)) {
      this.reset()
    }
    this.#transit = transit
    this.#least = Math.min(this.#least, transit)
    const lateness = (transit - Math.min(this.#least, this.#previousLeast)) / this.#packetMs
    if (++this.#leastCount === referenceWindow) {
      this.#previousLeast = this.#least
      this.#least = transit
      this.#leastCount = 0
    }
    // no depth would have been enough for a later one: it says how long the network stalled, not how deep the buffer should be
    if (lateness <= this.#weights.length - 1) this.#learn(lateness)
    return lateness
  }

  /** Starts a new timeline of the sender; the measured jitter stays. */
  reset(): void {
    this.#transit = Number.NaN
    this.#least = Infinity
    this.#previousLeast = Infinity
    this.#leastCount = 0
  }

  #learn(lateness: number): void {
    const weights = this.#weights
    for (let i = 0; i < weights.length; i++) {
      weights[i] = weights[i]! * decay
    }
    const bucket = Math.ceil(lateness)
    weights[bucket] = weights[bucket]! + 1
    this.#weight = this.#weight * decay + 1
    if (++this.#observations < observationsBeforeAdapting) {
      return
    }
    let sum = 0
    let late = 0
    while (late < weights.length - 1 && (sum += weights[late]!) < quantile * this.#weight) {
      late++
    }
    this.#depth = late + 1
  }
}
