/**
 * An adaptive jitter buffer: orders RTP packets that arrive late, twice, reordered or never, and gives one every 20 ms.
 *
 * It reads no clock: the caller passes the arrival times, and pulls once per packet time. Payloads are kept by reference until
 * they are pulled or dropped; at most `capacity` of them.
 *
 * The delay follows the network: the target depth is the 97th percentile of how much later than the fastest packet the packets
 * arrive (recent ones weigh most). `PlayoutDelay` reaches it by holding one pull or dropping one packet at a time; silence is
 * shortened before speech is. A listener that needs no steady playout, as a speech recogniser, calls `takeSurplus` as well, and
 * then nothing that came in time is dropped.
 *
 * @since 0.1.0
 */
import { ArrivalJitter } from "./ArrivalJitter.ts"
import { PlayoutDelay } from "./PlayoutDelay.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface JitterBufferOptions {
  /** Timestamp units of one packet; default 960, which is 20 ms of the 48 kHz clock of Opus (RFC 7587 §4.1). */
  readonly packetTicks?: number | undefined
  /** Length of one packet in ms, the interval of `pull`; default 20. */
  readonly packetMs?: number | undefined
  /** The smallest target depth in packets; default 2. */
  readonly minDepth?: number | undefined
  /** The largest target depth in packets; default 10. */
  readonly maxDepth?: number | undefined
  /** The target depth in packets until the jitter is measured; default 3. */
  readonly initialDepth?: number | undefined
  /** The most packets held; beyond it the oldest are dropped. Default 50 (one second), at most 1,024. */
  readonly capacity?: number | undefined
}

/**
 * The result of `push`. `probing`: the packet has an unlikely sequence number, and is kept aside until its successor confirms
 * that the sender has restarted.
 *
 * @category models
 * @since 0.1.0
 */
export type PushResult = "accepted" | "duplicate" | "late" | "probing"

// RFC 3550 appendix A.1: larger jumps are a new sequence, once two packets in a row confirm it.
const maxForwardJump = 3000
const maxBackwardJump = 100

/**
 * @category models
 * @since 0.1.0
 */
export class JitterBuffer<A extends object> {
  readonly #packetTicks: number
  readonly #capacity: number
  readonly #mask: number

  // Slots by extended sequence number; `#seen` is the number that a slot was last filled with, played or not.
  readonly #payloads: Array<A | undefined>
  readonly #timestamps: Float64Array
  readonly #seen: Float64Array
  #stored = 0

  #started = false
  #played = false
  #primed = false
  #next = 0
  #nextTimestamp = 0
  #highest = 0
  #highestTimestamp = 0
  // Empty pulls since the underrun: time that has passed already, and is subtracted from a gap.
  #emptyPulls = 0
  #waited = 0

  #probe:
    | { readonly seq: number; readonly timestamp: number; readonly payload: A; readonly arrivalMs: number }
    | undefined

  readonly #arrivals: ArrivalJitter
  readonly #delay: PlayoutDelay

  #late = 0
  #lost = 0
  #duplicates = 0
  #dropped = 0
  #held = 0
  #restarts = 0
  #underruns = 0
  #skipped = 0

  constructor(options?: JitterBufferOptions) {
    this.#packetTicks = Math.max(1, options?.packetTicks ?? 960)
    const minDepth = Math.max(1, Math.trunc(options?.minDepth ?? 2))
    const maxDepth = Math.max(minDepth, Math.min(500, Math.trunc(options?.maxDepth ?? 10)))
    this.#capacity = Math.max(maxDepth + 1, Math.min(1024, Math.trunc(options?.capacity ?? 50)))
    this.#delay = new PlayoutDelay(minDepth, maxDepth, Math.trunc(options?.initialDepth ?? 3))
    const slots = 2 ** Math.ceil(Math.log2(Math.max(this.#capacity, maxBackwardJump) + 1))
    this.#mask = slots - 1
    this.#payloads = Array.from({ length: slots }, () => undefined)
    this.#timestamps = new Float64Array(slots)
    this.#seen = new Float64Array(slots).fill(Number.NaN)
    this.#arrivals = new ArrivalJitter({
      packetTicks: this.#packetTicks,
      packetMs: Math.max(1, options?.packetMs ?? 20),
      maxDepth
    })
  }

  /** The packet times from the next packet to the newest one, both included. */
  get depth(): number {
    return this.#stored === 0 ? 0 : this.#highest - this.#next + 1 + this.#gap()
  }

  /** The target depth in packets. */
  get targetDepth(): number {
    return this.#delay.target
  }

  /** Packets that arrived after their playout time, and were dropped. */
  get late(): number {
    return this.#late
  }

  /** Packets that were missing at their playout time, late ones included. */
  get lost(): number {
    return this.#lost
  }

  /** Packets that arrived a second time. */
  get duplicates(): number {
    return this.#duplicates
  }

  /** Packets that were dropped to reduce the delay, or beyond the capacity. */
  get dropped(): number {
    return this.#dropped
  }

  /** Pulls that returned nothing to increase the delay. */
  get held(): number {
    return this.#held
  }

  /** How often the sender started a new sequence. */
  get restarts(): number {
    return this.#restarts
  }

  /** How often the buffer was empty at a pull. */
  get underruns(): number {
    return this.#underruns
  }

  /**
   * Packet times that were missing or silent while the buffer was empty, and were not returned: `pull` had returned nothing for
   * them.
   */
  get skipped(): number {
    return this.#skipped
  }

  /**
   * Takes a packet.
   *
   * @param seq the 16-bit sequence number
   * @param timestamp the 32-bit RTP timestamp
   * @param arrivalMs the arrival time, on any monotonic clock
   */
  push(seq: number, timestamp: number, payload: A, arrivalMs: number): PushResult {
    if (!this.#started) {
      this.#begin(seq & 0xffff, timestamp >>> 0)
      return this.#accept(this.#highest, this.#highestTimestamp, payload, arrivalMs)
    }
    const distance = (seq - this.#highest) << 16 >> 16
    if (distance > maxForwardJump || distance < -maxBackwardJump) {
      return this.#probeRestart(seq & 0xffff, timestamp, payload, arrivalMs)
    }
    this.#probe = undefined
    return this.#accept(this.#highest + distance, this.#extendTimestamp(timestamp), payload, arrivalMs)
  }

  /**
   * Returns what is due, once per packet time: a payload; `"lost"`, to be concealed; `"silence"`, when the sender sent nothing
   * (DTX); or undefined while the buffer fills. Play silence for undefined as well, so that the time advances.
   */
  pull(): A | "lost" | "silence" | undefined {
    if (this.#stored === 0) {
      if (this.#primed) {
        this.#primed = false
        this.#underruns++
        this.#delay.reset()
      }
      if (this.#played) {
        this.#emptyPulls++
      }
      return undefined
    }
    if (!this.#primed) {
      if (this.depth < this.#delay.target && this.#waited < this.#delay.target) {
        this.#waited++
        this.#emptyPulls++
        return undefined
      }
      this.#prime()
    }
    if (this.#delay.correction < 0) {
      this.#delay.correction = 0
      this.#held++
      return undefined
    }
    if (this.#delay.correction > 0 && this.depth > 1) {
      this.#delay.correction = 0
      this.#dropOne()
    }
    return this.#take()
  }

  /**
   * Returns what `pull` would return later than the target delay, or drop to reduce the delay, such as the packets that come all
   * at once after the network has stalled; undefined if there is none. To be called before `pull`, any number of times.
   */
  takeSurplus(): A | "lost" | "silence" | undefined {
    if (!this.#primed || this.#stored === 0) return undefined
    const { depth } = this
    // one packet more than the target is only the phase of arrivals to pulls
    if (depth <= this.#delay.target + 1 && !(this.#delay.correction > 0 && depth > 1)) return undefined
    this.#delay.reset()
    return this.#take()
  }

  /** Says how long the payload was that was returned last, in timestamp units, if it was not one packet time. */
  covers(ticks: number): void {
    this.#nextTimestamp += ticks - this.#packetTicks
  }

  /** Drops all packets and starts with the next one; keeps the counters and the measured jitter. */
  reset(): void {
    this.#discardAll()
    this.#started = false
    this.#probe = undefined
  }

  #take(): A | "lost" | "silence" {
    if (this.#gap() > 0) {
      this.#skipGap(1)
      return "silence"
    }
    const slot = this.#next & this.#mask
    const payload = this.#payloads[slot]
    this.#played = true
    if (payload === undefined) {
      this.#skipMissing(1)
      return "lost"
    }
    this.#payloads[slot] = undefined
    this.#stored--
    this.#next++
    this.#nextTimestamp = this.#timestamps[slot]! + this.#packetTicks
    return payload
  }

  /** The packet times of silence before the next packet; 0 when that packet is missing. */
  #gap(): number {
    const slot = this.#next & this.#mask
    if (this.#payloads[slot] === undefined) {
      return 0
    }
    const gap = Math.round((this.#timestamps[slot]! - this.#nextTimestamp) / this.#packetTicks)
    // A larger jump of the timestamp is limited to the capacity.
    return gap <= 0 ? 0 : Math.min(gap, this.#capacity)
  }

  #skipGap(count: number): void {
    const due = this.#timestamps[this.#next & this.#mask]!
    this.#nextTimestamp = due - (this.#gap() - count) * this.#packetTicks
  }

  #skipMissing(count: number): void {
    this.#next += count
    this.#nextTimestamp += count * this.#packetTicks
    this.#lost += count
  }

  #dropOne(): void {
    if (this.#gap() > 0) {
      this.#skipGap(1)
    } else if (this.#take() !== "lost") {
      this.#dropped++
    }
  }

  #prime(): void {
    this.#primed = true
    // Losses and gaps during the underrun were played as silence already.
    let credit = this.#emptyPulls
    while (credit > 0 && this.#payloads[this.#next & this.#mask] === undefined) {
      this.#skipMissing(1)
      this.#skipped++
      credit--
    }
    this.#skipGapIfAny(credit)
    this.#emptyPulls = 0
    this.#waited = 0
    this.#delay.reset()
  }

  #skipGapIfAny(credit: number): void {
    const count = Math.min(credit, this.#gap())
    if (count > 0) {
      this.#skipGap(count)
      this.#skipped += count
    }
  }

  #begin(seq: number, timestamp: number): void {
    this.#started = true
    this.#played = false
    this.#primed = false
    this.#emptyPulls = 0
    this.#waited = 0
    // One cycle up, so that packets older than the first one have positive numbers as well.
    this.#next = seq + 0x10000
    this.#highest = this.#next
    this.#nextTimestamp = timestamp
    this.#highestTimestamp = timestamp
    this.#seen.fill(Number.NaN)
    this.#arrivals.reset()
    this.#delay.reset()
  }

  #accept(ext: number, timestamp: number, payload: A, arrivalMs: number): PushResult {
    const slot = ext & this.#mask
    if (this.#seen[slot] === ext) {
      this.#duplicates++
      return "duplicate"
    }
    const lateness = this.#observe(timestamp, arrivalMs)
    if (ext < this.#next) {
      if (this.#played || this.#highest - ext >= this.#capacity) {
        this.#late++
        return "late"
      }
      // Reordered before playout started: the stream starts with this packet.
      this.#next = ext
      this.#nextTimestamp = timestamp
    }
    if (ext - this.#next >= this.#capacity) {
      this.#advance(ext - this.#capacity + 1, timestamp - (this.#capacity - 1) * this.#packetTicks)
    }
    this.#payloads[slot] = payload
    this.#timestamps[slot] = timestamp
    this.#seen[slot] = ext
    this.#stored++
    if (ext > this.#highest) {
      this.#highest = ext
      this.#highestTimestamp = timestamp
    }
    if (this.#primed) {
      this.#delay.observe(lateness + (timestamp - this.#nextTimestamp) / this.#packetTicks)
    }
    return "accepted"
  }

  #advance(next: number, timestamp: number): void {
    // Visits only slots that can be filled, however far the jump.
    for (let ext = this.#next; ext < next && ext <= this.#highest; ext++) {
      const slot = ext & this.#mask
      if (this.#payloads[slot] !== undefined) {
        this.#payloads[slot] = undefined
        this.#stored--
        this.#dropped++
        this.#lost--
      }
    }
    this.#lost += next - this.#next
    this.#next = next
    this.#nextTimestamp = timestamp
    this.#delay.reset()
  }

  #probeRestart(seq: number, timestamp: number, payload: A, arrivalMs: number): PushResult {
    const previous = this.#probe
    if (previous === undefined || seq !== (previous.seq + 1 & 0xffff)) {
      this.#probe = { seq, timestamp, payload, arrivalMs }
      return "probing"
    }
    this.#probe = undefined
    this.#restarts++
    this.#discardAll()
    this.#begin(previous.seq, previous.timestamp >>> 0)
    this.#accept(this.#highest, this.#highestTimestamp, previous.payload, previous.arrivalMs)
    return this.push(seq, timestamp, payload, arrivalMs)
  }

  #discardAll(): void {
    this.#payloads.fill(undefined)
    this.#dropped += this.#stored
    this.#stored = 0
    this.#primed = false
  }

  #extendTimestamp(timestamp: number): number {
    return this.#highestTimestamp + (timestamp - this.#highestTimestamp | 0)
  }

  #observe(timestamp: number, arrivalMs: number): number {
    const lateness = this.#arrivals.observe(timestamp, arrivalMs)
    const depth = this.#arrivals.depth
    if (depth !== undefined) {
      this.#delay.setTarget(depth)
    }
    return lateness
  }
}
