/**
 * The replies of a speech-to-speech model, for any vendor: requests and their deadlines, which response answers which, what
 * is asked for again, tool calls, and what a lost connection leaves to do. Plain and synchronous; time comes from `now`.
 *
 * Every request ends in a reply, in `RequestFailed`, or with a new connection, on which it is made again, once; every reply
 * ends. A response is matched by the id of the request where the vendor echoes it, and never by count.
 *
 * @since 0.1.0
 */
import { type BackendError, PipelineError, Timeout } from "../../../BackendError.ts"
import type { ModelCodec } from "./ModelCodec.ts"
import { ModelReply, type ModelRequest, MS_PER_CHARACTER } from "./ModelReply.ts"
import { ModelRequests } from "./ModelRequests.ts"
import { ModelToolCalls } from "./ModelToolCalls.ts"
import { NameSet } from "./NameSet.ts"
import type { S2sContext } from "./S2sContext.ts"
import type { S2sListener } from "./S2sProtocol.ts"

/** The longest reply, 15 min: past it the model is stopped, and what was made is played. */
const MAX_MS = 15 * 60_000
/** The latest replies, which may still be truncated. */
const MAX_REPLIES = 32
/** Silence that carries the last words of a reply when no audio is left, in s. */
const TAIL = 0.02

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
  readonly #listener: S2sListener
  readonly #codec: ModelCodec
  readonly #options: ModelConversationOptions
  #connected = false
  #connectedAt = 0
  /** Whether a new connection has been asked for. */
  #renewing = false
  #count = 0
  readonly #requests = new ModelRequests()
  /** Responses in progress on the server, by name. */
  readonly #responses = new Map<string, ModelReply>()
  readonly #over = new NameSet()
  readonly #replies = new Map<string, ModelReply>()
  readonly #calls = new ModelToolCalls()
  /** A reply that the model began by itself and that was lost before any audio: the next such reply takes its place. */
  #lost: ModelReply | undefined
  /** Whether responses name the request that they answer; `undefined` until the first one. */
  #namesRequests: boolean | undefined
  /** Whether the connection was renewed because of the user's turn. */
  #turnRepeated = false

  constructor(listener: S2sListener, codec: ModelCodec, options: ModelConversationOptions) {
    this.#listener = listener
    this.#codec = codec
    this.#options = options
  }

  // ---- the session ----------------------------------------------------------------------------------------------------

  /** Takes a request of the session. */
  request(request: ModelRequest): void {
    const reply = this.#newReply(request)
    if (this.#requests.isFull) return this.#fail(reply, this.#error("cannot answer: too many requests are waiting"))
    this.#requests.queue(reply)
    this.#pump()
    // a response could not be told from that of the request before
    if (!this.#codec.ordered || !this.#connected || !this.#requests.isWaiting) return
    for (const unanswered of this.#requests.askedReplies) {
      if (unanswered.over || unanswered.repeats++ === 0) this.#renew(true)
    }
  }

  /** A request is not wanted any more: its reply, should it begin, is dropped. */
  cancel(request: string): void {
    const wanted = (reply: ModelReply) => reply.request?.id !== request || reply.started
    for (const reply of this.#requests.replies) if (!wanted(reply)) reply.over = true
    for (const reply of this.#responses.values()) if (!wanted(reply)) this.#stop(reply)
  }

  /** Stops a reply, of which `playedMs` was played. */
  truncate(name: string, playedMs: number): void {
    const reply = this.#replies.get(name)
    if (reply === undefined) return
    this.#replies.delete(name)
    this.#options.context.truncate(name, playedMs)
    if (!reply.over) this.#stop(reply)
    if (this.#connected) this.#codec.truncate(reply, playedMs)
    this.#pump()
  }

  /** The result of a tool call, with which the reply goes on. */
  toolResult(id: string, output: string): void {
    const call = this.#calls.take(id)
    if (call === undefined) return
    const { name, reply, vendorId } = call
    reply.at = this.#options.now()
    this.#codec.toolOutput(vendorId, name, output)
    if (reply.calls.size === 0 && reply.response === undefined && !reply.over) this.#askNext(reply, "rest")
  }

  // ---- the model ------------------------------------------------------------------------------------------------------

  /** Whether this response has begun and not ended. */
  inProgress(response: string): boolean {
    return this.#responses.has(response)
  }

  /** Whether a response may begin that is not wanted by itself: a reply was asked for. */
  get isAsked(): boolean {
    return this.#requests.asked > 0
  }

  /** A response begins. `asked` is the id that it answers: `null` if it answers none, `undefined` if it does not say. */
  begin(response: string, asked?: string | null): void {
    if (this.#responses.has(response) || this.#over.has(response)) return
    if (typeof asked === "string") this.#namesRequests = true
    if (asked !== undefined) return this.#begin(response, asked ?? undefined)
    // a server that names no request answers them in order
    if (this.#namesRequests !== true && this.#requests.asked > 0) this.#namesRequests = false
    this.#begin(response, this.#namesRequests === false ? this.#requests.oldestAsked : this.#requests.onlyAsked)
  }

  #begin(response: string, id: string | undefined): void {
    const answer = this.#requests.take(id)
    const now = this.#options.now()
    if (answer === undefined && (id !== undefined || !this.#codec.initiates)) {
      // it answers a request that is over
      const stale = new ModelReply(response, 0, undefined)
      stale.over = true
      stale.at = now
      this.#responses.set(response, stale)
      return this.#codec.stop(response)
    }
    const reply = answer ?? this.#lost ?? this.#newReply(undefined)
    if (answer === undefined) this.#lost = undefined
    reply.at = now
    if (!reply.audible) this.#options.context.truncate(reply.name, reply.ms)
    reply.begin(response)
    this.#responses.set(response, reply)
    this.#turnRepeated = false
    this.#codec.starts(reply)
    if (reply.over) this.#codec.stop(response)
    else this.#start(reply)
  }

  /** The reply of a response in progress; one whose beginning was not reported begins here. */
  #replyOf(response: string): ModelReply | undefined {
    if (!this.#responses.has(response) && !this.#over.has(response)) this.#begin(response, this.#requests.onlyAsked)
    const reply = this.#responses.get(response)
    if (reply !== undefined) reply.heard = true
    return reply?.over === true ? undefined : reply
  }

  /** Audio of a response, or what is wrong with it. */
  audio(response: string, item: string, contentIndex: number, pcm: Int16Array | string): void {
    const reply = this.#replyOf(response)
    if (reply === undefined) return
    if (typeof pcm === "string") {
      reply.fault = pcm
      return
    }
    // text and audio of one item say the same
    if (pcm.length === 0 || (reply.written.has(item) && this.#options.speaksText)) return
    if (reply.ms >= MAX_MS) return this.#cut(reply)
    reply.audible = true
    reply.audioDone = false
    reply.produced = true
    const text = reply.addAudio(item, contentIndex, pcm.length, this.#codec.sampleRate)
    this.#listener.emit({ _tag: "ReplyAudio", reply: reply.name, pcm, text })
  }

  /** A response makes an item of the model's conversation. */
  item(response: string, item: string): void {
    this.#replyOf(response)?.madeItem(item)
  }

  /** The words of the audio. `whole`: `text` is all that the item has, of which pieces may have come before. */
  transcript(response: string, text: string, whole = false): void {
    const reply = this.#replyOf(response)
    if (reply === undefined || (whole && !reply.isNewText(text))) return
    if (!whole) reply.hasTextPieces = true
    reply.addText(text)
    this.#options.context.add("agent", reply.name, text, reply.ms)
  }

  /** The audio of a response is complete. */
  audioDone(response: string): void {
    const reply = this.#responses.get(response)
    if (reply !== undefined) reply.audioDone = true
  }

  /** Text in place of audio. `whole`: `text` is all that the item has, of which pieces may have come before. */
  written(response: string, item: string, text: string, whole: boolean): void {
    const reply = this.#replyOf(response)
    if (reply === undefined || reply.items.some(({ id }) => id === item && id !== "")) return
    const former = reply.written.get(item) ?? ""
    if (whole && !text.startsWith(former)) return
    const piece = whole ? text.slice(former.length) : text
    const at = piece === "" ? undefined : reply.addWritten(piece)
    if (at === undefined) return
    reply.written.set(item, former + piece)
    reply.madeItem(item)
    // where items have no ids, audio that says the same may follow
    if (!this.#codec.ordered) this.#emitText(reply, piece, at)
  }

  #emitText(reply: ModelReply, text: string, at: number): void {
    if (!this.#options.speaksText) return
    for (const { 0: word, index } of text.matchAll(/\s*\S+\s*/gu)) {
      this.#options.context.add("agent", reply.name, word, at + index * MS_PER_CHARACTER)
    }
    reply.audible = true
    reply.produced = true
    this.#listener.emit({ _tag: "ReplyText", reply: reply.name, text })
  }

  /** A response calls a tool. */
  toolCall(response: string, id: string, name: string, input: unknown): void {
    const reply = this.#replyOf(response)
    if (this.#responses.get(response)?.isNewCall(id, name, input) !== true) return
    // the call is not run; without an output the model's context would be invalid
    if (reply === undefined) return this.#codec.toolOutput(id, name, `{"error":"the user interrupted"}`)
    if (this.#calls.isEndless(reply)) {
      this.#fail(reply, this.#error("calls tools without end"))
      return this.#codec.stop(response)
    }
    const own = this.#calls.add(id, reply, name)
    if (own === undefined) return this.#codec.toolOutput(id, name, `{"error":"too many calls at once"}`)
    this.#listener.emit({ _tag: "ToolCall", reply: reply.name, id: own, name, input })
  }

  /** The model does not need the results of these calls any more. */
  toolCallsCancelled(ids: ReadonlyArray<string>): void {
    for (const id of ids) {
      const reply = this.#calls.take(this.#calls.idOf(id) ?? "")?.reply
      if (reply === undefined || reply.calls.size > 0 || reply.response !== undefined || reply.over) continue
      this.#askNext(reply, "rest")
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
    this.#close(response)
    if (reply === undefined || reply.over) return this.#pump()
    if (this.#codec.ordered && !reply.audible) {
      for (const text of reply.written.values()) this.#emitText(reply, text, reply.ms)
    }
    if (end.error !== undefined) this.#fail(reply, end.error)
    else if (reply.callsTools && !this.#codec.ordered) {
      // where responses have no ids, the rest follows by itself within the response
      if (reply.calls.size === 0) this.#askNext(reply, "rest")
    } else if (reply.audible) this.#end(reply)
    else if (end.cancelled === true) this.#giveUp(reply, "was interrupted before it answered")
    else if (reply.askedAgain) this.#giveUp(reply, `sent ${reply.fault ?? "an answer without audio"}`)
    else if (reply.request === undefined && !reply.started) this.#fail(reply, this.#error("sent no answer"))
    else {
      reply.askedAgain = true
      this.#askNext(reply, "again")
    }
    this.#pump()
  }

  /** A silent response, again, or one that the user interrupted: what came before stands. */
  #giveUp(reply: ModelReply, what: string): void {
    if (reply.produced) this.#end(reply)
    else this.#fail(reply, this.#error(what))
  }

  /** A turn of a model without response ids is over, and nothing came of it. Returns whether it was asked for. */
  emptyTurn(response: string, end: ResponseEnd = {}): boolean {
    const reply = this.#requests.take(this.#requests.onlyAsked)
    if (reply === undefined) return false
    reply.begin(response)
    this.#responses.set(response, reply)
    this.done(response, end)
    return true
  }

  /** A request was refused. */
  refused(id: string, error: BackendError): void {
    const reply = this.#requests.take(id)
    if (reply === undefined) return
    this.#fail(reply, error)
    this.#pump()
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
    this.#connected = true
    this.#connectedAt = this.#options.now()
    this.#renewing = false
    this.#pump()
  }

  /** The connection is lost: what was begun fails, and the rest is asked for again on the next. */
  disconnected(error: BackendError): void {
    this.#connected = false
    const pending = new Set([
      ...this.#responses.values(),
      ...this.#calls.replies,
      ...this.#requests.takeAll()
    ])
    this.#responses.clear()
    this.#over.clear()
    this.#calls.clear()
    for (const reply of pending) {
      reply.response = undefined
      reply.calls.clear()
      reply.sent = false
      if (reply.over) continue
      if (reply.produced) this.#fail(reply, error)
      else if (reply.request === undefined) {
        if (this.#lost !== undefined) this.#fail(this.#lost, error)
        this.#lost = reply
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
    if (this.#lost !== undefined) return true
    if (this.#responses.size > 0) {
      for (const reply of this.#responses.values()) if (!reply.over && owed(reply)) return true
    }
    // a request that was cancelled before its reply began has not been answered either
    return this.#requests.some(owed)
  }

  /** Whether the model has been asked for a reply that has not begun, or is in the middle of one that is wanted. */
  get isAnswering(): boolean {
    if (this.#requests.asked > 0) return true
    for (const { over } of this.#responses.values()) if (!over) return true
    return false
  }

  /** Whether the vendor is there, and the connection is not to be replaced. */
  get isConnected(): boolean {
    return this.#connected && !this.#renewing
  }

  /** Whether replacing the connection should wait. */
  get isBusy(): boolean {
    return this.#requests.asked > 0 || this.#requests.isWaiting || this.#responses.size > 0 || this.#calls.size > 0
  }

  /** Fails a reply that the model began by itself and that did not come again. */
  dropLost(): boolean {
    const reply = this.#lost
    this.#lost = undefined
    if (reply?.started !== true || reply.over) return false
    this.#fail(reply, this.#timeout("did not answer"))
    return true
  }

  /** Ends what has taken too long. Call it a few times within a deadline. */
  tick(): void {
    if (!this.#connected || this.#renewing) return
    const now = this.#options.now()
    const before = now - this.#options.deadlineMs
    const { refusedSince } = this.#requests
    const refused = refusedSince !== undefined && refusedSince <= before
    // each of them has to be looked at
    const dead = [
      refused,
      this.#failUnanswered(before),
      this.#failStalled(now, before),
      this.#failTools(now),
      this.#failTurn(before)
    ]
    if (dead.includes(true)) this.#renew(false)
    else this.#pump()
  }

  /** Asks again for what has not begun, or fails it. Returns whether the connection is of no more use. */
  #failUnanswered(before: number): boolean {
    const overdue = this.#requests.takeOverdue(before)
    let dead = overdue.length > 0 && this.#codec.ordered
    for (const reply of overdue) {
      if (reply.over) continue
      if (reply.repeats++ > 0) this.#fail(reply, this.#timeout("did not answer"))
      else {
        this.#requests.queue(reply)
        dead ||= this.#responses.size === 0
      }
    }
    return dead
  }

  #failStalled(now: number, before: number): boolean {
    let dead = false
    for (const [response, reply] of this.#responses) {
      // a response that was stopped and goes on is not waited for
      if (reply.heard && !(reply.over && this.#requests.isWaiting)) reply.at = now
      reply.heard = false
      if (reply.at > before || (reply.calls.size > 0 && !reply.over)) continue
      this.#close(response)
      dead = true
      if (reply.over) continue
      if (reply.audible && reply.audioDone) this.#end(reply)
      else if (reply.produced || reply.repeats++ > 0) {
        this.#fail(reply, this.#timeout("sent nothing more of its answer"))
      } else if (reply.request === undefined) this.#lost = reply
      else this.#requests.queue(reply)
    }
    return dead
  }

  #failTools(now: number): boolean {
    const overdue = this.#calls.takeOverdue(now)
    for (const reply of overdue) {
      if (reply.response !== undefined) this.#close(reply.response)
      this.#fail(reply, this.#timeout("got no results of its tool calls"))
    }
    return overdue.length > 0
  }

  #failTurn(before: number): boolean {
    const due = this.#codec.turnDueSince()
    if (due === undefined) {
      if (this.#connectedAt <= before) this.dropLost()
      return false
    }
    if (due > before) return false
    if (this.#turnRepeated) this.#codec.turnLost()
    this.#turnRepeated = !this.#turnRepeated
    return true
  }

  /** What the user's turn waited for has come. */
  turnAnswered(): void {
    this.#turnRepeated = false
  }

  // ---- replies --------------------------------------------------------------------------------------------------------

  #newReply(request: ModelRequest | undefined): ModelReply {
    const reply = new ModelReply(`reply-${++this.#count}`, this.#count, request)
    this.#replies.set(reply.name, reply)
    for (const [name, old] of this.#replies) {
      if (this.#replies.size <= MAX_REPLIES) break
      if (old.over) this.#replies.delete(name)
    }
    return reply
  }

  #askNext(reply: ModelReply, next: ModelReply["next"]): void {
    reply.next = next
    this.#requests.queue(reply)
    this.#pump()
  }

  get #mayAsk(): boolean {
    // what is sent interrupts a response that is not wanted any more
    if (this.#codec.ordered) return !this.isAnswering
    const { asked, mayAsk } = this.#requests
    return this.#responses.size === 0 && mayAsk && (this.#namesRequests !== false || asked === 0)
  }

  #pump(): void {
    while (this.#connected && !this.#renewing && this.#mayAsk) {
      const next = this.#requests.next(this.#options.now())
      if (next === undefined) return
      this.#codec.ask(next.reply, next.id)
      next.reply.sent = true
    }
  }

  #start(reply: ModelReply): void {
    if (reply.started) return
    reply.started = true
    this.#options.context.add("agent", reply.name, "")
    this.#listener.emit({ _tag: "ReplyStarted", reply: reply.name, request: reply.request?.id })
  }

  #end(reply: ModelReply): void {
    reply.over = true
    const text = reply.takeText()
    if (text !== "" && reply.ms > 0) {
      const pcm = new Int16Array(TAIL * this.#codec.sampleRate)
      this.#listener.emit({ _tag: "ReplyAudio", reply: reply.name, pcm, text })
    }
    this.#listener.emit({ _tag: "ReplyEnded", reply: reply.name })
  }

  #fail(reply: ModelReply, error: BackendError): void {
    if (reply.over) return
    reply.over = true
    if (reply.started) return this.#listener.emit({ _tag: "ReplyFailed", reply: reply.name, error })
    this.#replies.delete(reply.name)
    if (reply.request === undefined) return this.#listener.emit({ _tag: "UserTurnUnanswered" })
    this.#listener.emit({ _tag: "RequestFailed", request: reply.request.id, error })
  }

  /** Drops the rest of a reply. */
  #stop(reply: ModelReply): void {
    reply.over = true
    if (this.#connected && reply.response !== undefined) this.#codec.stop(reply.response)
  }

  /** Ends a reply that is too long. */
  #cut(reply: ModelReply): void {
    this.#end(reply)
    if (reply.response !== undefined) this.#codec.stop(reply.response)
    this.#pump()
  }

  #close(response: string): void {
    const reply = this.#responses.get(response)
    if (reply !== undefined) reply.response = undefined
    this.#responses.delete(response)
    this.#over.add(response)
  }

  #renew(planned: boolean): void {
    if (this.#renewing) return
    this.#renewing = true
    this.#listener.renew(planned, planned ? undefined : this.#timeout("sent nothing of an answer"))
  }

  #error(what: string): BackendError {
    const { vendor } = this.#codec
    return new PipelineError({
      op: "SpeechToSpeech.reply",
      message: `${vendor} ${what}`,
      details: { vendor },
      retryable: false
    })
  }

  #timeout(what: string): BackendError {
    const { vendor } = this.#codec
    return new Timeout({
      op: "SpeechToSpeech.reply",
      message: `${vendor} ${what} within ${this.#options.deadlineMs / 1_000}s`,
      details: { vendor }
    })
  }
}
