/**
 * Reads a thought up to its end, and keeps what is the answer should the thought have none. Pure and incremental.
 *
 * @since 0.1.0
 */
import type { Mark } from "./ThoughtMarks.ts"

/** Characters that are kept because they may turn out to be the answer. */
const MAX_KEPT = 16_384

/**
 * What a thought without an end leaves: text behind its last closing mark, or a call that it broke off for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Leftover {
  readonly text: string
  readonly isCall: boolean
}

/**
 * The reader of one thought, within which others may be nested.
 *
 * @category models
 * @since 0.1.0
 */
export class ThoughtReader {
  #depth = 1
  #isCall = false
  /** What came since the last closing mark, or, in a text that may be either, since its beginning. */
  #kept: string | undefined

  /** `mayBeAnswer`: without an end all of it is an answer. */
  constructor(mayBeAnswer: boolean) {
    this.#kept = mayBeAnswer ? "" : undefined
  }

  get ended(): boolean {
    return this.#depth <= 0
  }

  get leftover(): Leftover | undefined {
    return this.#kept === undefined ? undefined : { text: this.#kept, isCall: this.#isCall }
  }

  /**
   * Reads a mark, or text up to the next one; `before` and `after` are the characters around it, "" at the end of what has
   * come. Returns how much it read: nothing when more text is needed.
   */
  read(
    text: string,
    mark: Mark | undefined,
    before: string,
    after: string,
    lineStart: boolean,
    final: boolean
  ): number {
    if (mark?.kind === "close") {
      const isInTicks = before === "`"
      if (isInTicks && after === "" && !final) return 0
      // should no other end come, this was it
      this.#kept = ""
      this.#isCall = false
      if (!isInTicks || after !== "`") this.#depth--
    } else if (mark?.kind === "call" && this.#kept === undefined && lineStart) {
      this.#kept = text
      this.#isCall = true
    } else if (mark?.kind === "open" && mark.isTag && lineStart) {
      this.#depth++
      this.#kept = undefined
    } else if (this.#kept !== undefined) {
      this.#kept = this.#kept.length + text.length > MAX_KEPT ? undefined : this.#kept + text
    }
    return text.length
  }
}
