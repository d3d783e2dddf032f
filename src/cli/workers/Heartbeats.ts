/**
 * Finds workers that hang, by the heartbeats that they send from their event loop. Pure.
 *
 * The time without a heartbeat is counted by regular checks, and a check that comes late counts little: while this process
 * could not run, because the machine was busy or suspended, it could not read heartbeats either.
 *
 * @since 0.1.0
 */

/**
 * How often a worker sends a heartbeat: every 500 ms.
 *
 * @category constants
 * @since 0.1.0
 */
export const INTERVAL_MS = 500

/**
 * How often the parent checks: every 250 ms.
 *
 * @category constants
 * @since 0.1.0
 */
export const CHECK_MS = 250

/** With the time until the next check, a worker that hangs is found within 3 s. */
const HUNG_AFTER_MS = 3_000 - CHECK_MS

/**
 * The heartbeats of the workers that are watched.
 *
 * @category models
 * @since 0.1.0
 */
export class Heartbeats {
  readonly #silentMs = new Map<number, number>()
  #checkedMs: number | undefined

  /** Begins to watch a worker. */
  watch(index: number): void {
    this.#silentMs.set(index, 0)
  }

  forget(index: number): void {
    this.#silentMs.delete(index)
  }

  /** A heartbeat has come; of a worker that is not watched it means nothing. */
  heard(index: number): void {
    if (this.#silentMs.has(index)) this.#silentMs.set(index, 0)
  }

  /** The workers that hang; to be called every `CHECK_MS`. They are no longer watched. */
  check(nowMs: number): ReadonlyArray<number> {
    const passedMs = Math.min(nowMs - (this.#checkedMs ?? nowMs), 2 * CHECK_MS)
    this.#checkedMs = nowMs
    const hung: Array<number> = []
    for (const [index, silentMs] of this.#silentMs) {
      this.#silentMs.set(index, silentMs + passedMs)
      if (silentMs + passedMs >= HUNG_AFTER_MS) hung.push(index)
    }
    for (const index of hung) this.forget(index)
    return hung
  }
}
