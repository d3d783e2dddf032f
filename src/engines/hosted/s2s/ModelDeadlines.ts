/**
 * What a conversation does about a model that is late: a reply that does not begin or does not go on is asked for again,
 * once, and then fails.
 *
 * @since 0.1.0
 */
import type { ModelCodec } from "./ModelCodec.ts"
import type { ModelConnection } from "./ModelConnection.ts"
import type { ModelReplies } from "./ModelReplies.ts"
import type { ModelRequests } from "./ModelRequests.ts"
import type { ModelResponses } from "./ModelResponses.ts"
import type { ModelToolCalls } from "./ModelToolCalls.ts"

/**
 * What may be late.
 *
 * - `deadlineMs`: how long the model may take to begin a reply, and between two events of one, in ms.
 * - `now`: a monotonic clock, in ms.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelDeadlinesOptions {
  readonly codec: ModelCodec
  readonly connection: ModelConnection
  readonly requests: ModelRequests
  readonly responses: ModelResponses
  readonly replies: ModelReplies
  readonly calls: ModelToolCalls
  readonly deadlineMs: number
  readonly now: () => number
}

/**
 * @category models
 * @since 0.1.0
 */
export class ModelDeadlines {
  readonly #options: ModelDeadlinesOptions

  constructor(options: ModelDeadlinesOptions) {
    this.#options = options
  }

  /** Ends what has taken too long. Returns whether the connection is of no more use. */
  expire(): boolean {
    const now = this.#options.now()
    const before = now - this.#options.deadlineMs
    const { refusedSince } = this.#options.requests
    const refused = refusedSince !== undefined && refusedSince <= before
    // each of them has to be looked at
    return [
      refused,
      this.#failUnanswered(before),
      this.#failStalled(now, before),
      this.#failTools(now),
      this.#failTurn(before)
    ].includes(true)
  }

  /** Asks again for what has not begun, or fails it. */
  #failUnanswered(before: number): boolean {
    const { codec, replies, requests, responses } = this.#options
    const overdue = requests.takeOverdue(before)
    let dead = overdue.length > 0 && codec.ordered
    for (const reply of overdue) {
      if (reply.over) continue
      if (reply.repeats++ > 0) replies.fail(reply, replies.timeout("did not answer"))
      else {
        requests.queue(reply)
        dead ||= responses.size === 0
      }
    }
    return dead
  }

  /** Ends the responses of which nothing more comes. */
  #failStalled(now: number, before: number): boolean {
    const { replies, requests, responses } = this.#options
    let dead = false
    for (const [response, reply] of responses.entries) {
      // a response that was stopped and goes on is not waited for
      if (reply.heard && !(reply.over && requests.isWaiting)) reply.at = now
      reply.heard = false
      if (reply.at > before || (reply.calls.size > 0 && !reply.over)) continue
      responses.close(response)
      dead = true
      if (reply.over) continue
      if (reply.audible && reply.audioDone) replies.end(reply)
      else if (reply.produced || reply.repeats++ > 0) {
        replies.fail(reply, replies.timeout("sent nothing more of its answer"))
      } else if (reply.request === undefined) replies.lost = reply
      else requests.queue(reply)
    }
    return dead
  }

  /** Fails the replies whose tool calls get no results. */
  #failTools(now: number): boolean {
    const { calls, replies, responses } = this.#options
    const overdue = calls.takeOverdue(now)
    for (const reply of overdue) {
      if (reply.response !== undefined) responses.close(reply.response)
      replies.fail(reply, replies.timeout("got no results of its tool calls"))
    }
    return overdue.length > 0
  }

  /** Gives up the user's turn of which nothing has come, also on a second connection. */
  #failTurn(before: number): boolean {
    const { codec, connection, replies } = this.#options
    const due = codec.turnDueSince()
    if (due === undefined) {
      if (connection.openedAt <= before) replies.dropLost()
      return false
    }
    if (due > before) return false
    if (connection.turnRepeated) codec.turnLost()
    connection.turnRepeated = !connection.turnRepeated
    return true
  }
}
