/**
 * The replies of a speech-to-speech model, for any vendor: what is asked for and asked for again, tool calls, and what a
 * lost connection leaves to do. Plain and synchronous; time comes from `now`.
 *
 * Every request ends in a reply, in `RequestFailed`, or with a new connection, on which it is made again, once; every reply
 * ends.
 *
 * @since 0.1.0
 */
import type { BackendError } from "../../../BackendError.ts"
import { ModelAsking } from "./ModelAsking.ts"
import type { ModelCodec } from "./ModelCodec.ts"
import { ModelConnection } from "./ModelConnection.ts"
import { ModelContent } from "./ModelContent.ts"
import { ModelDeadlines } from "./ModelDeadlines.ts"
import { ModelReplies } from "./ModelReplies.ts"
import type { ModelReply, ModelRequest } from "./ModelReply.ts"
import { ModelRequests } from "./ModelRequests.ts"
import { ModelResponses } from "./ModelResponses.ts"
import { ModelToolCalls } from "./ModelToolCalls.ts"
import type { S2sContext } from "./S2sContext.ts"
import type { S2sListener } from "./S2sProtocol.ts"

/**
 * Options of a conversation.
 *
 * - `deadlineMs`: how long the model may take to begin a reply, and between two events of one, in ms.
 * - `now`: a monotonic clock, in ms.
 * - `speaksText`: whether the session speaks what the model writes.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelConversationOptions {
  readonly deadlineMs: number
  readonly now: () => number
  readonly speaksText: boolean
  readonly context: S2sContext
}

/**
 * How a response ended.
 *
 * - `cancelled`: the server cut it, because the user spoke.
 * - `error`: it failed.
 *
 * @category models
 * @since 0.1.0
 */
export interface ResponseEnd {
  readonly cancelled?: boolean | undefined
  readonly error?: BackendError | undefined
}

/** Whether a reply answers what the user said, and nothing of it has come. */
const owed = ({ produced, request }: ModelReply): boolean =>
  !produced && (request === undefined || request.kind === "commit")

/**
 * @category models
 * @since 0.1.0
 */
export class ModelConversation {
  readonly #codec: ModelCodec
  readonly #options: ModelConversationOptions
  readonly #connection: ModelConnection
  readonly #requests = new ModelRequests()
  readonly #replies: ModelReplies
  readonly #responses: ModelResponses
  readonly #calls = new ModelToolCalls()
  readonly #asking: ModelAsking
  readonly #deadlines: ModelDeadlines
  /** What the responses bring. */
  readonly content: ModelContent

  constructor(listener: S2sListener, codec: ModelCodec, options: ModelConversationOptions) {
    const { context, deadlineMs, now, speaksText } = options
    const { sampleRate, vendor } = codec
    const calls = this.#calls
    const requests = this.#requests
    const connection = new ModelConnection(listener)
    const replies = new ModelReplies({ listener, vendor, sampleRate, deadlineMs, context })
    const responses = new ModelResponses({ codec, connection, requests, replies, context, now })
    const asking = new ModelAsking({ codec, connection, requests, responses, now })
    this.#codec = codec
    this.#options = options
    this.#connection = connection
    this.#replies = replies
    this.#responses = responses
    this.#asking = asking
    this.#deadlines = new ModelDeadlines({ codec, connection, requests, responses, replies, calls, deadlineMs, now })
    this.content = new ModelContent({ listener, codec, asking, responses, replies, calls, context, speaksText })
  }

  // ---- the session ----------------------------------------------------------------------------------------------------

  /** Takes a request of the session. */
  request(request: ModelRequest): void {
    const replies = this.#replies
    const reply = replies.create(request)
    if (this.#requests.isFull) return replies.fail(reply, replies.error("cannot answer: too many requests are waiting"))
    this.#asking.ask(reply, "first")
    // a response could not be told from that of the request before
    if (!this.#codec.ordered || !this.#connection.isOpen || !this.#requests.isWaiting) return
    for (const unanswered of this.#requests.askedReplies) {
      if (unanswered.over || unanswered.repeats++ === 0) this.#connection.renew()
    }
  }

  /** A request is not wanted any more: its reply, should it begin, is dropped. */
  cancel(request: string): void {
    const wanted = (reply: ModelReply) => reply.request?.id !== request || reply.started
    for (const reply of this.#requests.replies) if (!wanted(reply)) reply.over = true
    for (const [, reply] of this.#responses.entries) if (!wanted(reply)) this.#responses.stop(reply)
  }

  /** Stops a reply, of which `playedMs` was played. */
  truncate(name: string, playedMs: number): void {
    const reply = this.#replies.take(name)
    if (reply === undefined) return
    this.#options.context.truncate(name, playedMs)
    if (!reply.over) this.#responses.stop(reply)
    if (this.#connection.isOpen) this.#codec.truncate(reply, playedMs)
    this.#asking.next()
  }

  /** The result of a tool call, with which the reply goes on. */
  toolResult(id: string, output: string): void {
    const call = this.#calls.take(id)
    if (call === undefined) return
    const { name, reply, vendorId } = call
    reply.at = this.#options.now()
    this.#codec.toolOutput(vendorId, name, output)
    if (reply.calls.size === 0 && reply.response === undefined && !reply.over) this.#asking.ask(reply, "rest")
  }

  // ---- the model ------------------------------------------------------------------------------------------------------

  /** Whether this response has begun and not ended. */
  inProgress(response: string): boolean {
    return this.#responses.has(response)
  }

  /** A response begins. `asked` is the id that it answers: `null` if it answers none, `undefined` if it does not say. */
  begin(response: string, asked?: string | null): void {
    this.#responses.begin(response, asked)
  }

  /** Whether a response may begin that is not wanted by itself: a reply was asked for. */
  get isAsked(): boolean {
    return this.#requests.asked > 0
  }

  /** The model does not need the results of these calls any more. */
  toolCallsCancelled(ids: ReadonlyArray<string>): void {
    for (const id of ids) {
      const reply = this.#calls.take(this.#calls.idOf(id) ?? "")?.reply
      if (reply === undefined || reply.calls.size > 0 || reply.response !== undefined || reply.over) continue
      this.#asking.ask(reply, "rest")
    }
  }

  /** Whether a response waits for the results of tool calls. */
  waitsForTools(response: string): boolean {
    const reply = this.#responses.get(response)
    return reply !== undefined && !reply.over && reply.calls.size > 0
  }

  /** A response is over. */
  done(response: string, end: ResponseEnd = {}): void {
    const reply = this.#responses.get(response)
    this.#requests.refusedSince = undefined
    this.#responses.close(response)
    if (reply === undefined || reply.over) return this.#asking.next()
    this.content.endWritten(reply)
    const replies = this.#replies
    if (end.error !== undefined) replies.fail(reply, end.error)
    else if (reply.callsTools && !this.#codec.ordered) {
      // where responses have no ids, the rest follows by itself within the response
      if (reply.calls.size === 0) this.#asking.ask(reply, "rest")
    } else if (reply.audible) replies.end(reply)
    else if (end.cancelled === true) replies.giveUp(reply, "was interrupted before it answered")
    else if (reply.askedAgain) replies.giveUp(reply, `sent ${reply.fault ?? "an answer without audio"}`)
    else if (reply.request === undefined && !reply.started) replies.fail(reply, replies.error("sent no answer"))
    else {
      reply.askedAgain = true
      this.#asking.ask(reply, "again")
    }
    this.#asking.next()
  }

  /** A turn of a model without response ids is over, and nothing came of it. Returns whether it was asked for. */
  emptyTurn(response: string, end: ResponseEnd = {}): boolean {
    const reply = this.#requests.take(this.#requests.onlyAsked)
    if (reply === undefined) return false
    this.#responses.open(response, reply)
    this.done(response, end)
    return true
  }

  /** A request was refused. */
  refused(id: string, error: BackendError): void {
    const reply = this.#requests.take(id)
    if (reply === undefined) return
    this.#replies.fail(reply, error)
    this.#asking.next()
  }

  /** A request, or else the latest, was refused because of another response: it is made again after that. */
  busy(named?: string): void {
    const reply = this.#requests.take(named ?? this.#requests.latestAsked)
    if (reply === undefined) return
    if (!reply.over) this.#requests.queue(reply)
    if (this.#responses.size === 0) this.#requests.refusedSince ??= this.#options.now()
  }

  // ---- the connection and time ----------------------------------------------------------------------------------------

  /** The vendor has accepted the session. */
  connected(): void {
    this.#connection.open(this.#options.now())
    this.#asking.next()
  }

  /** The connection is lost: what was begun fails, and the rest is asked for again on the next. */
  disconnected(error: BackendError): void {
    const replies = this.#replies
    this.#connection.isOpen = false
    const pending = new Set([...this.#responses.takeAll(), ...this.#calls.replies, ...this.#requests.takeAll()])
    this.#calls.clear()
    for (const reply of pending) {
      reply.response = undefined
      reply.calls.clear()
      reply.sent = false
      if (reply.over) continue
      if (reply.produced) replies.fail(reply, error)
      else if (reply.request === undefined) {
        if (replies.lost !== undefined) replies.fail(replies.lost, error)
        replies.lost = reply
      } else {
        reply.next = "first"
        // it is sent with the request again, not with the history
        if (reply.request.kind === "text") this.#options.context.remove(reply.request.id)
        this.#requests.queue(reply)
      }
    }
  }

  /** Whether a reply to what the user said is still to come, so that the audio is needed again on a new connection. */
  get owesAnswer(): boolean {
    // a request that was cancelled before its reply began has not been answered either
    return this.#replies.lost !== undefined || this.#responses.some(owed) || this.#requests.some(owed)
  }

  /** Whether the model has been asked for a reply that has not begun, or is in the middle of one that is wanted. */
  get isAnswering(): boolean {
    return this.#asking.isAnswering
  }

  /** Whether the vendor is there, and the connection is not to be replaced. */
  get isConnected(): boolean {
    return this.#connection.isUsable
  }

  /** Whether replacing the connection should wait. */
  get isBusy(): boolean {
    return this.#requests.asked > 0 || this.#requests.isWaiting || this.#responses.size > 0 || this.#calls.size > 0
  }

  /** Fails a reply that the model began by itself and that did not come again. Returns whether it had begun. */
  dropLost(): boolean {
    return this.#replies.dropLost()
  }

  /** Ends what has taken too long. Call it a few times within a deadline. */
  tick(): void {
    if (!this.#connection.isUsable) return
    if (this.#deadlines.expire()) this.#connection.renew(this.#replies.timeout("sent nothing of an answer"))
    else this.#asking.next()
  }

  /** What the user's turn waited for has come. */
  turnAnswered(): void {
    this.#connection.turnRepeated = false
  }
}
