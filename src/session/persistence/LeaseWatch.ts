/**
 * Notices that this process has stood still for longer than its lease: it was stopped, or its machine was. Another process may
 * have taken its sessions over meanwhile, so that they may not act until the store has told whose they are.
 *
 * A store that is away does not stop a process: its lease runs out, but it has been running all the time, and its calls go on.
 * Plain synchronous code.
 *
 * @since 0.1.0
 */

/**
 * When this process was last seen running, and when the last renewal of its lease that succeeded was begun; monotonic, in ms.
 *
 * @category models
 * @since 0.1.0
 */
export interface LeaseTimes {
  readonly seenMs: number
  readonly renewedMs: number
}

/**
 * Whether a process has stood still past the end of its lease: it was not seen running for half of a lease or more, and its
 * lease has run out.
 *
 * @category predicates
 * @since 0.1.0
 */
export const hasStoodStill = (nowMs: number, { renewedMs, seenMs }: LeaseTimes, leaseMs: number): boolean =>
  nowMs - seenMs > leaseMs / 2 && nowMs - renewedMs > leaseMs

/**
 * @category models
 * @since 0.1.0
 */
export interface LeaseWatchOptions {
  readonly leaseMs: number
  /** Monotonic. */
  readonly nowMs: () => number
  /** The process has stood still: the sessions are to be checked, and `goOn` is to be called. Synchronous. */
  readonly onStoodStill: (forMs: number) => void
}

/**
 * @category models
 * @since 0.1.0
 */
export class LeaseWatch {
  readonly #options: LeaseWatchOptions
  readonly #waiting = new Set<() => void>()
  #seenMs: number
  #renewedMs: number
  #isHolding = false

  constructor(options: LeaseWatchOptions) {
    this.#options = options
    this.#seenMs = this.#renewedMs = options.nowMs()
  }

  /**
   * Whether sessions may act now. To be asked before anything that others notice, and several times within the lease time in
   * any case: each call says that the process is running.
   */
  mayAct(nowMs: number = this.#options.nowMs()): boolean {
    const { leaseMs, onStoodStill } = this.#options
    const times = { seenMs: this.#seenMs, renewedMs: this.#renewedMs }
    this.#seenMs = Math.max(nowMs, times.seenMs)
    if (!this.#isHolding && hasStoodStill(nowMs, times, leaseMs)) {
      this.#isHolding = true
      onStoodStill(nowMs - times.seenMs)
    }
    return !this.#isHolding
  }

  /** A renewal of the lease has succeeded that was begun at this time. */
  renewed(begunMs: number): void {
    this.#renewedMs = begunMs
  }

  /** Calls the listener whenever sessions may act again; returns what ends that. */
  whenGoingOn(listener: () => void): () => void {
    this.#waiting.add(listener)
    return () => void this.#waiting.delete(listener)
  }

  /** The sessions that are still this process's may act again. */
  goOn(): void {
    if (!this.#isHolding) return
    this.#isHolding = false
    for (const listener of Array.from(this.#waiting)) listener()
  }
}
