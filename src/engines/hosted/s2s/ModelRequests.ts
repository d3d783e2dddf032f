/**
 * The replies that a model is to be asked for, and those that it was asked for and that have not begun.
 *
 * @since 0.1.0
 */
import type { ModelReply } from "./ModelReply.ts"

/** Replies that may wait; more fail. */
const MAX_WAITING = 64
/** Replies that may be asked for and not begun. */
const MAX_ASKED = 8

interface Asked {
  readonly reply: ModelReply
  readonly at: number
}

/**
 * @category models
 * @since 0.1.0
 */
export class ModelRequests {
  readonly #waiting: Array<ModelReply> = []
  /** By the id that was sent. */
  readonly #asked = new Map<string, Asked>()
  #count = 0
  /** Since when the server refuses requests because of a response that it has not reported, in ms. */
  refusedSince: number | undefined

  /** Whether no more replies may wait. */
  get isFull(): boolean {
    return this.#waiting.length >= MAX_WAITING
  }

  /** Whether a reply is to be asked for. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0
  }

  /** How many replies were asked for and have not begun. */
  get asked(): number {
    return this.#asked.size
  }

  /** Whether another reply may be asked for, while none is in progress. */
  get mayAsk(): boolean {
    return this.refusedSince === undefined && this.#asked.size < MAX_ASKED
  }

  /** The id of the reply that was asked for, if it is the only one. */
  get onlyAsked(): string | undefined {
    return this.#asked.size === 1 ? this.oldestAsked : undefined
  }

  /** The id of the reply that was asked for first. */
  get oldestAsked(): string | undefined {
    return this.#asked.keys().next().value
  }

  /** The id of the reply that was asked for last. */
  get latestAsked(): string | undefined {
    return Array.from(this.#asked.keys()).at(-1)
  }

  /** Whether a reply that has not begun fulfils a condition; one that was asked for also when it is not wanted any more. */
  some(condition: (reply: ModelReply) => boolean): boolean {
    if (this.#asked.size > 0) { for (const { reply } of this.#asked.values()) if (condition(reply)) return true }
    return this.#waiting.some((reply) => !reply.over && condition(reply))
  }

  /** The replies that have not begun. */
  get replies(): ReadonlyArray<ModelReply> {
    return [...this.askedReplies, ...this.#waiting]
  }

  /** The replies that were asked for and have not begun. */
  get askedReplies(): ReadonlyArray<ModelReply> {
    return Array.from(this.#asked.values(), ({ reply }) => reply)
  }

  /** Puts a reply in its place in the order. */
  queue(reply: ModelReply): void {
    const at = this.#waiting.findIndex(({ order }) => order > reply.order)
    this.#waiting.splice(at < 0 ? this.#waiting.length : at, 0, reply)
  }

  /** The next reply to ask for, and the id to ask with. */
  next(now: number): { readonly reply: ModelReply; readonly id: string } | undefined {
    while (true) {
      const reply = this.#waiting.shift()
      if (reply === undefined) return undefined
      if (reply.over) continue
      const id = `ask-${++this.#count}`
      this.#asked.set(id, { reply, at: now })
      return { reply, id }
    }
  }

  /** Takes the reply that was asked for with this id. */
  take(id: string | undefined): ModelReply | undefined {
    const asked = this.#asked.get(id ?? "")
    this.#asked.delete(id ?? "")
    return asked?.reply
  }

  /** Takes the replies that were asked for up to `before`. */
  takeOverdue(before: number): ReadonlyArray<ModelReply> {
    if (this.#asked.size === 0) return []
    const overdue: Array<ModelReply> = []
    for (const [id, { at, reply }] of this.#asked) {
      if (at > before) continue
      this.#asked.delete(id)
      overdue.push(reply)
    }
    return overdue
  }

  /** Takes all replies. */
  takeAll(): ReadonlyArray<ModelReply> {
    const replies = this.replies
    this.#waiting.length = 0
    this.#asked.clear()
    this.refusedSince = undefined
    return replies
  }
}
