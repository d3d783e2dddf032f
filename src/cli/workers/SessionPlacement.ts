/**
 * Which worker has which session. Pure and bounded.
 *
 * A session lives in the worker that created it. One that is not remembered, for example after a restart, is assigned
 * by the hash of its id, so that all requests for it reach the same worker, which restores it from the store.
 *
 * @since 0.1.0
 */

/** At most so many sessions are remembered; the oldest are forgotten, and assigned by their ids. */
const MAX_REMEMBERED = 100_000

/**
 * What placement needs to know of a worker.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkerView {
  readonly index: number
  /** Whether it accepts requests. */
  readonly up: boolean
  /** The number of its sessions, as far as is known. */
  readonly sessions: number
}

const hash = (text: string): number => {
  let sum = 0x811c9dc5
  for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193)
  return sum >>> 0
}

/**
 * @category models
 * @since 0.1.0
 */
export class SessionPlacement {
  readonly #places = new Map<string, number>()

  remember(session: string, index: number): void {
    this.#places.delete(session)
    this.#places.set(session, index)
    if (this.#places.size <= MAX_REMEMBERED) return
    for (const oldest of this.#places.keys()) {
      this.#places.delete(oldest)
      return
    }
  }

  forget(session: string): void {
    this.#places.delete(session)
  }

  /** Forgets the sessions of a worker that has exited: they are assigned again at the next request. */
  lost(index: number): void {
    for (const [session, place] of this.#places) if (place === index) this.#places.delete(session)
  }

  /** The worker of a session, or the least loaded one for a request without; `undefined` when no worker is up. */
  pick(session: string | undefined, workers: ReadonlyArray<WorkerView>): number | undefined {
    const up = workers.filter((worker) => worker.up)
    if (session === undefined) {
      return up.reduce<WorkerView | undefined>(
        (least, worker) => least === undefined || worker.sessions < least.sessions ? worker : least,
        undefined
      )?.index
    }
    const place = this.#places.get(session)
    if (place !== undefined && up.some(({ index }) => index === place)) return place
    // rendezvous hashing: when a worker exits, only its own sessions move
    let best: { readonly index: number; readonly rank: number } | undefined
    for (const { index } of up) {
      const rank = hash(`${session} ${index}`)
      if (best === undefined || rank > best.rank) best = { index, rank }
    }
    return best?.index
  }
}
