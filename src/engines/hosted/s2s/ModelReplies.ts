/**
 * The replies of a conversation, and what the session is told of their beginning and their end. Every reply begins at most
 * once and ends once.
 *
 * @since 0.1.0
 */
import { type BackendError, PipelineError, Timeout } from "../../../BackendError.ts"
import { ModelReply, type ModelRequest } from "./ModelReply.ts"
import type { S2sContext } from "./S2sContext.ts"
import type { S2sListener } from "./S2sProtocol.ts"

/** The latest replies, which may still be truncated. */
const MAX_REPLIES = 32
/** Silence that carries the last words of a reply when no audio is left, in s. */
const TAIL = 0.02

/**
 * Options. `sampleRate`: of the model's audio, in Hz; `deadlineMs`: what a time-out says, in ms.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelRepliesOptions {
  readonly listener: S2sListener
  readonly vendor: string
  readonly sampleRate: number
  readonly deadlineMs: number
  readonly context: S2sContext
}

/**
 * @category models
 * @since 0.1.0
 */
export class ModelReplies {
  readonly #options: ModelRepliesOptions
  readonly #replies = new Map<string, ModelReply>()
  #count = 0
  /** A reply that the model began by itself and that was lost before any audio: the next such reply takes its place. */
  lost: ModelReply | undefined

  constructor(options: ModelRepliesOptions) {
    this.#options = options
  }

  /** A reply to a request, or one that the model begins by itself. */
  create(request: ModelRequest | undefined): ModelReply {
    const reply = new ModelReply(`reply-${++this.#count}`, this.#count, request)
    this.#replies.set(reply.name, reply)
    for (const [name, old] of this.#replies) {
      if (this.#replies.size <= MAX_REPLIES) break
      if (old.over) this.#replies.delete(name)
    }
    return reply
  }

  /** Takes a reply, which is to be truncated. */
  take(name: string): ModelReply | undefined {
    const reply = this.#replies.get(name)
    this.#replies.delete(name)
    return reply
  }

  /** A reply begins, if it has not before. */
  start(reply: ModelReply): void {
    if (reply.started) return
    reply.started = true
    this.#options.context.add("agent", reply.name, "")
    this.#options.listener.emit({ _tag: "ReplyStarted", reply: reply.name, request: reply.request?.id })
  }

  /** A reply is complete. */
  end(reply: ModelReply): void {
    const { listener, sampleRate } = this.#options
    reply.over = true
    const text = reply.takeText()
    if (text !== "" && reply.ms > 0) {
      listener.emit({ _tag: "ReplyAudio", reply: reply.name, pcm: new Int16Array(TAIL * sampleRate), text })
    }
    listener.emit({ _tag: "ReplyEnded", reply: reply.name })
  }

  /** A reply fails, unless it is over. */
  fail(reply: ModelReply, error: BackendError): void {
    const { listener } = this.#options
    if (reply.over) return
    reply.over = true
    if (reply.started) return listener.emit({ _tag: "ReplyFailed", reply: reply.name, error })
    this.#replies.delete(reply.name)
    if (reply.request === undefined) return listener.emit({ _tag: "UserTurnUnanswered" })
    listener.emit({ _tag: "RequestFailed", request: reply.request.id, error })
  }

  /** Nothing more comes of a reply: it fails, unless something of it came before, which stands. */
  giveUp(reply: ModelReply, what: string): void {
    if (reply.produced) this.end(reply)
    else this.fail(reply, this.error(what))
  }

  /** Fails the lost reply. Returns whether that was told of the reply itself. */
  dropLost(): boolean {
    const reply = this.lost
    this.lost = undefined
    if (reply?.started !== true || reply.over) return false
    this.fail(reply, this.timeout("did not answer"))
    return true
  }

  /** The error of a model that does something wrong. */
  error(what: string): BackendError {
    const { vendor } = this.#options
    return new PipelineError({
      op: "SpeechToSpeech.reply",
      message: `${vendor} ${what}`,
      details: { vendor },
      retryable: false
    })
  }

  /** The error of a model that does nothing within the deadline. */
  timeout(what: string): BackendError {
    const { deadlineMs, vendor } = this.#options
    return new Timeout({
      op: "SpeechToSpeech.reply",
      message: `${vendor} ${what} within ${deadlineMs / 1_000}s`,
      details: { vendor }
    })
  }
}
