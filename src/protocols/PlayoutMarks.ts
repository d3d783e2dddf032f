/**
 * The names of marks, by which a far end reports what it has played.
 *
 * A name tells the reply's epoch and the position in it, and how often the far end has been cleared: the marks of cleared audio come
 * back too, and must not count as played. Plain and synchronous; it keeps nothing of the marks that are on their way.
 *
 * @since 0.1.0
 */

/**
 * How much audio lies between two marks, in ms.
 *
 * @category constants
 * @since 0.1.0
 */
export const MARK_EVERY_MS = 200

const PATTERN = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})$/

/**
 * @category models
 * @since 0.1.0
 */
export class PlayoutMarks {
  #clears = 0
  #epoch = 0
  #markedMs = 0

  /**
   * The name of the mark behind the audio of a reply up to here, or nothing while none is due. `last`: no audio follows for now, so
   * that one is due behind it.
   */
  next(epoch: number, untilMs: number, last: boolean): string | undefined {
    if (epoch !== this.#epoch) {
      this.#epoch = epoch
      this.#markedMs = 0
    }
    const sinceMs = untilMs - this.#markedMs
    if (sinceMs <= 0 || (!last && sinceMs < MARK_EVERY_MS)) return undefined
    this.#markedMs = untilMs
    return `${this.#clears}.${epoch}.${Math.round(untilMs)}`
  }

  /** The far end was told to drop what it has not played; a reply that goes on is sent again from what was heard. */
  cleared(): void {
    this.#clears++
    this.#epoch = 0
    this.#markedMs = 0
  }

  /** What a mark that has come back says, if it is one of ours and was not cleared. */
  played(name: string): { readonly epoch: number; readonly ms: number } | undefined {
    const match = PATTERN.exec(name)
    if (match === null || Number(match[1]) !== this.#clears) return undefined
    return { epoch: Number(match[2]), ms: Number(match[3]) }
  }
}
