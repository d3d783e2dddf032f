/**
 * What the Gemini API wants back with each call that its model has made: the signature of the thought behind it, and the id that it
 * gave. A prompt has no place for them, so they are kept here by the id under which the call is known to everybody else.
 *
 * @since 0.1.0
 */

/**
 * @category models
 * @since 0.1.0
 */
export interface CallMark {
  readonly signature?: string | undefined
  readonly id?: string | undefined
}

/** Calls that are kept, of all sessions; a prompt has at most 64. */
const MAX_CALLS = 8_192
/** Characters of all signatures, and of one. */
const MAX_CHARACTERS = 33_554_432
const MAX_SIGNATURE = 1_048_576

const sizeOf = ({ id = "", signature = "" }: CallMark): number => id.length + signature.length

/**
 * The marks of the last calls of a model. What has left is sent without its mark.
 *
 * @category models
 * @since 0.1.0
 */
export class CallMarks {
  readonly #marks = new Map<string, CallMark>()
  #size = 0

  get(call: string): CallMark | undefined {
    return this.#marks.get(call)
  }

  set(call: string, mark: CallMark): void {
    if ((mark.signature ?? mark.id) === undefined || sizeOf(mark) > MAX_SIGNATURE) return
    this.#marks.set(call, mark)
    this.#size += sizeOf(mark)
    for (const [oldest, marked] of this.#marks) {
      if (this.#marks.size <= MAX_CALLS && this.#size <= MAX_CHARACTERS) return
      this.#marks.delete(oldest)
      this.#size -= sizeOf(marked)
    }
  }
}
