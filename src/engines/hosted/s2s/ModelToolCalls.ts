/**
 * The tool calls of a model's replies that have no result.
 *
 * @since 0.1.0
 */
import type { ModelReply } from "./ModelReply.ts"
import { NameSet } from "./NameSet.ts"

/** Calls without a result; more are answered with an error. */
const MAX_CALLS = 64
/** Calls of one reply: a model that makes more does not come to an end. */
const MAX_REPLY_CALLS = 256
/**
 * A call without a result. `vendorId`: the model's own id, which may be that of another call; it has a unique one here.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelToolCall {
  readonly reply: ModelReply
  readonly name: string
  readonly vendorId: string
}

/** How long a reply waits for the results of its calls: longer than any tool may run. */
const MAX_MS = 6 * 60_000

/**
 * @category models
 * @since 0.1.0
 */
export class ModelToolCalls {
  readonly #calls = new Map<string, ModelToolCall>()
  /** Also those of former connections: a late result is not taken for that of another call. */
  readonly #ids = new NameSet()

  /** How many calls have no result. */
  get size(): number {
    return this.#calls.size
  }

  /** The replies that wait for results. */
  get replies(): ReadonlyArray<ModelReply> {
    return Array.from(new Set(Array.from(this.#calls.values(), ({ reply }) => reply)))
  }

  /** Whether a reply calls tools without end. */
  isEndless(reply: ModelReply): boolean {
    return reply.callCount >= MAX_REPLY_CALLS
  }

  /** Adds a call of a reply; returns its id, or `undefined` when there are too many calls. */
  add(vendorId: string, reply: ModelReply, name: string): string | undefined {
    reply.callsTools = true
    reply.callCount++
    if (this.#calls.size >= MAX_CALLS) return undefined
    let id = vendorId
    for (let n = 2; !this.#ids.add(id); n++) id = `${vendorId}-${n}`
    reply.produced = true
    reply.calls.add(id)
    this.#calls.set(id, { reply, name, vendorId })
    return id
  }

  /** The id of a call that the model knows by this one. */
  idOf(vendorId: string): string | undefined {
    return Array.from(this.#calls).find(([, call]) => call.vendorId === vendorId)?.[0]
  }

  /** Takes a call; `undefined` when it was cancelled, or is of a previous connection. */
  take(id: string): ModelToolCall | undefined {
    const call = this.#calls.get(id)
    this.#calls.delete(id)
    call?.reply.calls.delete(id)
    return call
  }

  /** Drops the calls that have waited too long; returns their replies. */
  takeOverdue(now: number): ReadonlyArray<ModelReply> {
    const overdue = this.#calls.size === 0 ? [] : this.replies.filter(({ at }) => now - at >= MAX_MS)
    for (const reply of overdue) for (const id of reply.calls) this.take(id)
    return overdue
  }

  /** Drops all calls. */
  clear(): void {
    this.#calls.clear()
  }
}
