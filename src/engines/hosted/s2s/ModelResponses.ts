/**
 * The responses in progress on the server, and which reply each belongs to: by the id of the request where the vendor
 * echoes it, else by the order of the requests, and never by count.
 *
 * @since 0.1.0
 */
import type { ModelCodec } from "./ModelCodec.ts"
import type { ModelConnection } from "./ModelConnection.ts"
import type { ModelReplies } from "./ModelReplies.ts"
import { ModelReply } from "./ModelReply.ts"
import type { ModelRequests } from "./ModelRequests.ts"
import { NameSet } from "./NameSet.ts"
import type { S2sContext } from "./S2sContext.ts"

/**
 * What responses are matched with. `now`: a monotonic clock, in ms.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelResponsesOptions {
  readonly codec: ModelCodec
  readonly connection: ModelConnection
  readonly requests: ModelRequests
  readonly replies: ModelReplies
  readonly context: S2sContext
  readonly now: () => number
}

/**
 * @category models
 * @since 0.1.0
 */
export class ModelResponses {
  readonly #options: ModelResponsesOptions
  readonly #responses = new Map<string, ModelReply>()
  readonly #over = new NameSet()
  /** Whether responses name the request that they answer; `undefined` until the first one. */
  #nameRequests: boolean | undefined

  constructor(options: ModelResponsesOptions) {
    this.#options = options
  }

  /** How many are in progress. */
  get size(): number {
    return this.#responses.size
  }

  /** Whether requests are known to be answered in order, because no response names one. */
  get inOrder(): boolean {
    return this.#nameRequests === false
  }

  /** Whether this response has begun and not ended. */
  has(response: string): boolean {
    return this.#responses.has(response)
  }

  /** The reply of a response in progress, also one that is over. */
  get(response: string): ModelReply | undefined {
    return this.#responses.get(response)
  }

  /** The responses in progress, with their replies. */
  get entries(): Iterable<readonly [string, ModelReply]> {
    return this.#responses
  }

  /** Whether the reply of a response in progress fulfils a condition; one that is over does not. */
  some(condition: (reply: ModelReply) => boolean): boolean {
    if (this.#responses.size === 0) return false
    for (const reply of this.#responses.values()) if (!reply.over && condition(reply)) return true
    return false
  }

  /** A response begins. `asked` is the id that it answers: `null` if it answers none, `undefined` if it does not say. */
  begin(response: string, asked?: string | null): void {
    if (this.#responses.has(response) || this.#over.has(response)) return
    const { requests } = this.#options
    if (typeof asked === "string") this.#nameRequests = true
    if (asked !== undefined) return this.#begin(response, asked ?? undefined)
    // a server that names no request answers them in order
    if (this.#nameRequests !== true && requests.asked > 0) this.#nameRequests = false
    this.#begin(response, this.inOrder ? requests.oldestAsked : requests.onlyAsked)
  }

  #begin(response: string, id: string | undefined): void {
    const { codec, connection, context, now, replies, requests } = this.#options
    const answer = requests.take(id)
    if (answer === undefined && (id !== undefined || !codec.initiates)) {
      // it answers a request that is over
      const stale = new ModelReply(response, 0, undefined)
      stale.over = true
      stale.at = now()
      this.#responses.set(response, stale)
      return codec.stop(response)
    }
    const reply = answer ?? replies.lost ?? replies.create(undefined)
    if (answer === undefined) replies.lost = undefined
    reply.at = now()
    if (!reply.audible) context.truncate(reply.name, reply.ms)
    this.open(response, reply)
    connection.turnRepeated = false
    codec.starts(reply)
    if (reply.over) codec.stop(response)
    else replies.start(reply)
  }

  /** A response in progress belongs to this reply. */
  open(response: string, reply: ModelReply): void {
    reply.begin(response)
    this.#responses.set(response, reply)
  }

  /** The reply that a response goes on with, if it is wanted; a response whose beginning was not reported begins here. */
  continue(response: string): ModelReply | undefined {
    if (!this.#responses.has(response) && !this.#over.has(response)) {
      this.#begin(response, this.#options.requests.onlyAsked)
    }
    const reply = this.#responses.get(response)
    if (reply !== undefined) reply.heard = true
    return reply?.over === true ? undefined : reply
  }

  /** Drops the rest of a reply. */
  stop(reply: ModelReply): void {
    const { codec, connection } = this.#options
    reply.over = true
    if (connection.isOpen && reply.response !== undefined) codec.stop(reply.response)
  }

  /** A response is over. */
  close(response: string): void {
    const reply = this.#responses.get(response)
    if (reply !== undefined) reply.response = undefined
    this.#responses.delete(response)
    this.#over.add(response)
  }

  /** The connection is lost. Returns the replies of the responses that were in progress. */
  takeAll(): ReadonlyArray<ModelReply> {
    const replies = Array.from(this.#responses.values())
    this.#responses.clear()
    this.#over.clear()
    return replies
  }
}
