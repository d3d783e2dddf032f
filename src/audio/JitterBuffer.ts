/**
 * Turns RTP packets that arrive late, twice, reordered or never back into one packet every 20 ms.
 *
 * Plain and clockless: the caller says when a packet arrived and pulls once per packet time. Payloads are kept by
 * reference until they are pulled or dropped; never more than `capacity` of them.
 *
 * The delay follows the network: the depth wanted is the 97th percentile of how much later than the fastest packet
 * packets arrive (recent ones count most). It is reached by holding playout for one pull or dropping one packet at a
 * time, the more often the further off, and silence is shortened before speech is.
 *
 * @since 0.1.0
 */
import { ArrivalJitter } from "./ArrivalJitter.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface JitterBufferOptions {
  /** Timestamp units of one packet; default 960, which is 20 ms of the 48 kHz clock of Opus (RFC 7587 §4.1). */
  readonly packetTicks?: number | undefined
  /** Length of one packet in ms, the interval of `pull`; default 20. */
  readonly packetMs?: number | undefined
  /** The smallest depth in packets; default 2. */
  readonly minDepth?: number | undefined
  /** The greatest depth in packets that jitter can ask for; default 10. */
  readonly maxDepth?: number | undefined
  /** The depth in packets until jitter is known; default 3. */
  readonly initialDepth?: number | undefined
  /** The most packets held, of which the oldest are dropped; default 50 (one second), at most 1,024. */
  readonly capacity?: number | undefined
}

/**
 * What became of a pushed packet; `probing` is one with an unlikely sequence number, kept aside until its successor
 * proves that the sender has restarted.
 *
 * @category models
 * @since 0.1.0
 */
export type PushResult = "accepted" | "duplicate" | "late" | "probing"

// RFC 3550 appendix A.1: jumps beyond these are a new sequence, once two packets in a row say so.
const maxForwardJump = 3000
const maxBackwardJump = 100

// A deviation of one packet is corrected after this many packets (1 s), one of n packets n times as soon.
const patience = 50
const shortestPatience = 3

/**
 * @category models
 * @since 0.1.0
 */
export class JitterBuffer<A extends object> {
  readonly #packetTicks: number
  readonly #minDepth: number
  readonly #maxDepth: number
  readonly #capacity: number
  readonly #mask: number

  // Slots by extended sequence number; `#seen` tells which number a slot was last filled by, played or not.
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
  // Pulls that found nothing since the buffer ran dry: time that has passed, to be taken off a gap that explains it.
  #dry = 0
  #waited = 0

  #probe:
    | { readonly seq: number; readonly timestamp: number; readonly payload: A; readonly arrivalMs: number }
    | undefined

  readonly #arrivals: ArrivalJitter
  #target: number

  // The delay of packets from their earliest arrival to their playout, in packets, since the last correction.
  #delayMin = Infinity
  #delayMax = -Infinity
  #delayCount = 0
  #correction = 0

  #late = 0
  #lost = 0
  #duplicates = 0
  #dropped = 0
  #held = 0
  #restarts = 0
  #underruns = 0

  constructor(options?: JitterBufferOptions) {
    this.#packetTicks = Math.max(1, options?.packetTicks ?? 960)
    this.#minDepth = Math.max(1, Math.trunc(options?.minDepth ?? 2))
    this.#maxDepth = Math.max(this.#minDepth, Math.min(500, Math.trunc(options?.maxDepth ?? 10)))
    this.#capacity = Math.max(this.#maxDepth + 1, Math.min(1024, Math.trunc(options?.capacity ?? 50)))
    this.#target = this.#clampDepth(Math.trunc(options?.initialDepth ?? 3))
    const slots = 2 ** Math.ceil(Math.log2(Math.max(this.#capacity, maxBackwardJump) + 1))
    this.#mask = slots - 1
    this.#payloads = Array.from({ length: slots }, () => undefined)
    this.#timestamps = new Float64Array(slots)
    this.#seen = new Float64Array(slots).fill(Number.NaN)
    this.#arrivals = new ArrivalJitter({
      packetTicks: this.#packetTicks,
      packetMs: Math.max(1, options?.packetMs ?? 20),
      maxDepth: this.#maxDepth
    })
  }

  /** The packet times between what is pulled next and the newest packet, both counted. */
  get depth(): number {
    return this.#stored === 0 ? 0 : this.#highest - this.#next + 1 + this.#gap()
  }

  /** The depth wanted, in packets. */
  get targetDepth(): number {
    return this.#target
  }

  /** Packets that came after their turn and were thrown away. */
  get late(): number {
    return this.#late
  }

  /** Packets that were not there at their turn, late ones included. */
  get lost(): number {
    return this.#lost
  }

  /** Packets that came again. */
  get duplicates(): number {
    return this.#duplicates
  }

  /** Packets thrown away to catch up. */
  get dropped(): number {
    return this.#dropped
  }

  /** Pulls answered with nothing to deepen the buffer. */
  get held(): number {
    return this.#held
  }

  /** How often the sender began a new sequence. */
  get restarts(): number {
    return this.#restarts
  }

  /** How often the buffer ran dry. */
  get underruns(): number {
    return this.#underruns
  }

  /**
   * Takes a packet.
   *
   * @param seq the 16-bit sequence number
   * @param timestamp the 32-bit RTP timestamp
   * @param arrivalMs when it arrived, on any steady clock
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
   * Gives what is due, once per packet time: a payload; `"lost"` (conceal it); `"silence"` (the sender sent nothing for
   * this time, DTX); or nothing yet, because the buffer fills. Play silence for nothing, so that the clock goes on.
   */
  pull(): A | "lost" | "silence" | undefined {
    if (this.#stored === 0) {
      if (this.#primed) {
        this.#primed = false
        this.#underruns++
        this.#resetDelay()
      }
      if (this.#played) {
        this.#dry++
      }
      return undefined
    }
    if (!this.#primed) {
      if (this.depth < this.#target && this.#waited < this.#target) {
        this.#waited++
        this.#dry++
        return undefined
      }
      this.#prime()
    }
    if (this.#correction < 0) {
      this.#correction = 0
      this.#held++
      return undefined
    }
    if (this.#correction > 0 && this.depth > 1) {
      this.#correction = 0
      this.#dropOne()
    }
    return this.#take()
  }

  /** Forgets all packets and starts with the next one, keeping counters and what was learnt of the jitter. */
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

  /** Packet times of silence before the packet that is due, 0 when it is not there. */
  #gap(): number {
    const slot = this.#next & this.#mask
    if (this.#payloads[slot] === undefined) {
      return 0
    }
    const gap = Math.round((this.#timestamps[slot]! - this.#nextTimestamp) / this.#packetTicks)
    // A timestamp that leaps further than we would ever buffer is not worth waiting for.
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
    // What was lost or silent while we were dry has been heard as silence already.
    let credit = this.#dry
    while (credit > 0 && this.#payloads[this.#next & this.#mask] === undefined) {
      this.#skipMissing(1)
      credit--
    }
    this.#skipGapIfAny(credit)
    this.#dry = 0
    this.#waited = 0
    this.#resetDelay()
  }

  #skipGapIfAny(credit: number): void {
    const count = Math.min(credit, this.#gap())
    if (count > 0) {
      this.#skipGap(count)
    }
  }

  #begin(seq: number, timestamp: number): void {
    this.#started = true
    this.#played = false
    this.#primed = false
    this.#dry = 0
    this.#waited = 0
    // One lap up, so that packets older than the first one have positive numbers too.
    this.#next = seq + 0x10000
    this.#highest = this.#next
    this.#nextTimestamp = timestamp
    this.#highestTimestamp = timestamp
    this.#seen.fill(Number.NaN)
    this.#arrivals.reset()
    this.#resetDelay()
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
      // Reordered before anything was played: the stream begins earlier than it seemed.
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
      this.#measureDelay(lateness + (timestamp - this.#nextTimestamp) / this.#packetTicks)
    }
    return "accepted"
  }

  #advance(next: number, timestamp: number): void {
    // Only slots that can be filled are visited, however far the jump.
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
    this.#resetDelay()
  }

  #probeRestart(seq: number, timestamp: number, payload: A, arrivalMs: number): PushResult {
    const former = this.#probe
    if (former === undefined || seq !== (former.seq + 1 & 0xffff)) {
      this.#probe = { seq, timestamp, payload, arrivalMs }
      return "probing"
    }
    this.#probe = undefined
    this.#restarts++
    this.#discardAll()
    this.#begin(former.seq, former.timestamp >>> 0)
    this.#accept(this.#highest, this.#highestTimestamp, former.payload, former.arrivalMs)
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

  #clampDepth(depth: number): number {
    return Math.max(this.#minDepth, Math.min(this.#maxDepth, depth))
  }

  #observe(timestamp: number, arrivalMs: number): number {
    const lateness = this.#arrivals.observe(timestamp, arrivalMs)
    const depth = this.#arrivals.depth
    if (depth !== undefined) {
      this.#target = this.#clampDepth(depth)
    }
    return lateness
  }

  /**
   * The delay to playout is the same for every packet, early or late, up to one packet for the phase of arrivals to
   * pulls: it belongs into [target - 1, target].
   */
  #measureDelay(delay: number): void {
    this.#delayMin = Math.min(this.#delayMin, delay)
    this.#delayMax = Math.max(this.#delayMax, delay)
    this.#delayCount++
    const excess = this.#delayMin - this.#target
    const shortage = this.#target - 1 - this.#delayMax
    const off = Math.max(excess, shortage)
    if (off > 0 && this.#delayCount >= Math.max(shortestPatience, Math.min(patience, patience / off))) {
      this.#correction = excess > 0 ? 1 : -1
      this.#resetDelay(this.#correction)
    } else if (this.#delayCount >= patience) {
      this.#resetDelay()
    }
  }

  #resetDelay(correction = 0): void {
    this.#delayMin = Infinity
    this.#delayMax = -Infinity
    this.#delayCount = 0
    this.#correction = correction
  }
}
