/**
 * What signed requests without a time in them were answered, so that none of them counts twice.
 *
 * A carrier that has lost an answer asks again, within seconds, and gets the same one. Whoever has seen the request and sends it later is
 * refused. Only what a carrier has signed is remembered; of more than `MAX_REMEMBERED` the oldest is forgotten first. Plain and
 * synchronous; the caller passes the time.
 *
 * @since 0.1.0
 */
import { MAX_REMEMBERED, Replays } from "./Replays.ts"

/** How long the same answer is given again. */
const REPEAT_MS = 30_000
/** How long a request is remembered: as long as a call may last. */
const REMEMBERED_MS = 86_400_000
/** Answers that are kept for a repetition. */
const MAX_ANSWERS = MAX_REMEMBERED / 64

/**
 * @category models
 * @since 0.1.0
 */
export class AnsweredRequests {
  readonly #seen = new Replays(REMEMBERED_MS)
  readonly #answers = new Map<string, { readonly answer: string; readonly atMs: number }>()

  /** What this request was answered a moment ago; `"new"` the first time, `"replayed"` when it is too late. */
  find(request: string, nowMs: number): { readonly answer: string } | "new" | "replayed" {
    this.#forget(nowMs)
    const known = this.#answers.get(request)
    if (known !== undefined) return known
    return this.#seen.accepts(request, nowMs) ? "new" : "replayed"
  }

  /** Keeps the answer to a request that was new. */
  keep(request: string, answer: string, nowMs: number): void {
    this.#answers.set(request, { answer, atMs: nowMs })
    this.#forget(nowMs)
  }

  #forget(nowMs: number): void {
    for (const [request, { atMs }] of this.#answers) {
      if (nowMs - atMs < REPEAT_MS && this.#answers.size <= MAX_ANSWERS) break
      this.#answers.delete(request)
    }
  }
}
