/**
 * What a vendor wants back with each call that its model has made, and a prompt has no place for: kept by the id under which the
 * call is known to everybody else.
 *
 * @since 0.1.0
 */

/** Calls that are kept, of all sessions; a prompt has at most 64. */
const MAX_CALLS = 8_192
/** Characters of all marks, and of one. */
const MAX_CHARACTERS = 33_554_432
const MAX_MARK = 1_048_576

/**
 * The marks of the last calls of a model. What has left is sent without its mark. `sizeOf`: the characters of a mark.
 *
 * @category models
 * @since 0.1.0
 */
export class CallMarks<Mark> {
  readonly #marks = new Map<string, Mark>()
  readonly #sizeOf: (mark: Mark) => number
  #size = 0

  constructor(sizeOf: (mark: Mark) => number) {
    this.#sizeOf = sizeOf
  }

  get(call: string): Mark | undefined {
    return this.#marks.get(call)
  }

  set(call: string, mark: Mark): void {
    const size = this.#sizeOf(mark)
    if (size > MAX_MARK) return
    const former = this.#marks.get(call)
    if (former !== undefined) this.#size -= this.#sizeOf(former)
    this.#marks.delete(call)
    this.#marks.set(call, mark)
    this.#size += size
    for (const [oldest, marked] of this.#marks) {
      if (this.#marks.size <= MAX_CALLS && this.#size <= MAX_CHARACTERS) return
      this.#marks.delete(oldest)
      this.#size -= this.#sizeOf(marked)
    }
  }
}
