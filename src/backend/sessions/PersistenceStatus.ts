/**
 * What of a backend's sessions is not stored at present, and why: for the health check.
 *
 * @since 0.1.0
 */
import type { BackendError } from "../../BackendError.ts"

/** What is not stored for less is not told: the next try may succeed. */
const TOLERATED_MS = 30_000
/** How long a loss of the store is told. */
const LOSS_TOLD_MS = 30_000

interface Failure {
  readonly sinceMs: number
  readonly error: BackendError
}

const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`
const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`

/**
 * Times are monotonic, in ms.
 *
 * @category models
 * @since 0.1.0
 */
export class PersistenceStatus {
  readonly #snapshots = new Map<string, Failure>()
  #secret: Failure | undefined
  #erasures: { readonly sinceMs: number; readonly count: number } | undefined
  /** When the store was last found to have lost a session. */
  readonly #losses = new Map<string, number>()

  /** A session's snapshot could not be stored. */
  snapshotFailed(id: string, error: BackendError, nowMs: number): void {
    this.#snapshots.set(id, { sinceMs: this.#snapshots.get(id)?.sinceMs ?? nowMs, error })
  }

  /** A session's snapshot is stored, or it has ended. */
  snapshotStored(id: string): void {
    this.#snapshots.delete(id)
  }

  /** The secret that tokens are signed with could not be shared. */
  secretFailed(error: BackendError, nowMs: number): void {
    this.#secret = { sinceMs: this.#secret?.sinceMs ?? nowMs, error }
  }

  secretStored(): void {
    this.#secret = undefined
  }

  /** How many sessions that have ended are not erased yet. */
  waitingErasures(waiting: number, nowMs: number): void {
    this.#erasures = waiting === 0 ? undefined : { sinceMs: this.#erasures?.sinceMs ?? nowMs, count: waiting }
  }

  /** The store had lost a session of this process, which is stored again. */
  lost(id: string, nowMs: number): void {
    this.#forgetLosses(nowMs)
    this.#losses.set(id, nowMs)
  }

  #forgetLosses(nowMs: number): void {
    for (const [id, atMs] of this.#losses) if (nowMs - atMs > LOSS_TOLD_MS) this.#losses.delete(id)
  }

  /** What is not as it should be, as sentences; `undefined` when all is well. */
  fault(nowMs: number): string | undefined {
    const faults: Array<string> = []
    const late = Array.from(this.#snapshots.values()).filter(({ sinceMs }) => nowMs - sinceMs > TOLERATED_MS)
    const oldest = late.toSorted((one, other) => one.sinceMs - other.sinceMs)[0]
    if (oldest !== undefined) {
      const since = seconds(nowMs - oldest.sinceMs)
      faults.push(
        `snapshots of ${count(late.length, "session")} not stored for up to ${since}: ${oldest.error.message}`
      )
    }
    if (this.#secret !== undefined && nowMs - this.#secret.sinceMs > TOLERATED_MS) {
      const since = seconds(nowMs - this.#secret.sinceMs)
      faults.push(`the secret of session tokens not stored for ${since}: ${this.#secret.error.message}`)
    }
    if (this.#erasures !== undefined && nowMs - this.#erasures.sinceMs > TOLERATED_MS) {
      const since = seconds(nowMs - this.#erasures.sinceMs)
      faults.push(`${count(this.#erasures.count, "session")} that ended not erased for up to ${since}`)
    }
    this.#forgetLosses(nowMs)
    if (this.#losses.size > 0) {
      faults.push(`the session store had lost ${count(this.#losses.size, "session")}; stored again`)
    }
    return faults.length === 0 ? undefined : faults.join("; ")
  }
}
