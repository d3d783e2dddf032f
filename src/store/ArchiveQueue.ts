/**
 * Runs the archive's disk operations: those of one session one after another, and few at once of all sessions.
 *
 * A disk that hangs cannot be interrupted, and holds a thread of Node's pool for each operation. So only `CONCURRENT` of
 * them run at once, however many sessions there are, and only `MAX_WAITING` of a session may wait.
 *
 * @since 0.1.0
 */
import { ArchiveFault } from "./ArchiveFault.ts"

/** Of the four threads that Node has for files. */
const CONCURRENT = 2
const MAX_WAITING = 8

interface Line {
  tail: Promise<unknown>
  length: number
}

/**
 * @category models
 * @since 0.1.0
 */
export class ArchiveQueue {
  readonly #lines = new Map<string, Line>()
  readonly #waiting: Array<() => void> = []
  #free = CONCURRENT

  /** Runs an operation after those before it of the same session. Fails at once when too many wait. */
  run<A>(session: string, operation: () => Promise<A>): Promise<A> {
    const line = this.#lines.get(session) ?? { tail: Promise.resolve(), length: 0 }
    if (line.length >= MAX_WAITING) return Promise.reject(new ArchiveFault("WAITING"))
    this.#lines.set(session, line)
    line.length++
    const result = line.tail.then(() => this.#withPermit(operation))
    const done = () => {
      if (--line.length === 0) this.#lines.delete(session)
    }
    line.tail = result.then(done, done)
    return result
  }

  async #withPermit<A>(operation: () => Promise<A>): Promise<A> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await operation()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }
}
