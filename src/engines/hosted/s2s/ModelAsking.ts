/**
 * When the model is asked for the next reply.
 *
 * @since 0.1.0
 */
import type { ModelCodec } from "./ModelCodec.ts"
import type { ModelConnection } from "./ModelConnection.ts"
import type { ModelReply } from "./ModelReply.ts"
import type { ModelRequests } from "./ModelRequests.ts"
import type { ModelResponses } from "./ModelResponses.ts"

/**
 * What decides when to ask. `now`: a monotonic clock, in ms.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelAskingOptions {
  readonly codec: ModelCodec
  readonly connection: ModelConnection
  readonly requests: ModelRequests
  readonly responses: ModelResponses
  readonly now: () => number
}

/**
 * @category models
 * @since 0.1.0
 */
export class ModelAsking {
  readonly #options: ModelAskingOptions

  constructor(options: ModelAskingOptions) {
    this.#options = options
  }

  /** Whether the model has been asked for a reply that has not begun, or is in the middle of one that is wanted. */
  get isAnswering(): boolean {
    const { requests, responses } = this.#options
    return requests.asked > 0 || responses.some(() => true)
  }

  /** Asks for a reply, or for more of it, as soon as that may be done. */
  ask(reply: ModelReply, next: ModelReply["next"]): void {
    reply.next = next
    this.#options.requests.queue(reply)
    this.next()
  }

  /** Asks for what waits and may be asked for. */
  next(): void {
    const { codec, connection, now, requests } = this.#options
    while (connection.isUsable && this.#mayAsk) {
      const next = requests.next(now())
      if (next === undefined) return
      codec.ask(next.reply, next.id)
      next.reply.sent = true
    }
  }

  get #mayAsk(): boolean {
    const { codec, requests, responses } = this.#options
    // what is sent interrupts a response that is not wanted any more
    if (codec.ordered) return !this.isAnswering
    return responses.size === 0 && requests.mayAsk && (!responses.inOrder || requests.asked === 0)
  }
}
