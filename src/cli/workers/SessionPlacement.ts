/**
 * Which worker has which session: pure, and bounded.
 *
 * A session is where it was made. One that nobody remembers, after a restart for example, goes where its id says, so that
 * all requests about it meet in one worker, which takes it up from the store.
 *
 * @since 0.1.0
 */

/** Sessions that are remembered; the oldest are forgotten, and found by their ids. */
const MAX_REMEMBERED = 100_000

/**
 * A worker as it is seen from here.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkerView {
  readonly index: number
  /** It answers. */
  readonly up: boolean
  /** Sessions there, as far as is known. */
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

  /** A worker is gone: its sessions are wherever they are asked for next. */
  lost(index: number): void {
    for (const [session, place] of this.#places) if (place === index) this.#places.delete(session)
  }

  /** The worker for a session, or for a request about none; `undefined` when no worker is up. */
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
    // the highest of all: when one worker goes, only its own sessions move
    let best: { readonly index: number; readonly rank: number } | undefined
    for (const { index } of up) {
      const rank = hash(`${session} ${index}`)
      if (best === undefined || rank > best.rank) best = { index, rank }
    }
    return best?.index
  }
}
