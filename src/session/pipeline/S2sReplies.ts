/**
 * The replies of a session's speech-to-speech model: requested, waiting to be played, played or no longer wanted.
 *
 * A reply of the conversation, known by its epoch, is made of one or more replies of the model. What belongs to an epoch is
 * known at once when the model begins it, so that an interruption in the same moment truncates it.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { type BackendError, PipelineError } from "../../BackendError.ts"
import type { SpeechToSpeechEvent, SpeechToSpeechStream } from "../../speech/SpeechToSpeech.ts"
import type { Pipeline } from "./Pipeline.ts"
import { S2sReply, type S2sReplyOptions } from "./S2sReply.ts"
import { S2sRequests } from "./S2sRequests.ts"

/**
 * An event about a request or a reply.
 *
 * @category models
 * @since 0.1.0
 */
export type ReplyOrRequestEvent = Extract<
  SpeechToSpeechEvent,
  { readonly reply: string } | { readonly request: string }
>

/** The latest names of replies, to recognise one that is told twice. */
const MAX_NAMES = 64

/**
 * - `stream`: the model.
 * - `engine`: its name, for errors.
 * - `answerMs`: how long a reply may take to begin; `lost` is the error of one that does not.
 * - `unasked`: reports a reply that the model began by itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface S2sRepliesOptions extends Omit<S2sReplyOptions, "mayBeSilent"> {
  readonly stream: Pick<SpeechToSpeechStream, "truncate" | "cancel" | "toolResult">
  readonly engine: string
  readonly answerMs: number
  readonly lost: () => BackendError
  readonly unasked: (reply: string) => void
}

interface Request {
  readonly epoch: number
  readonly mayBeSilent: boolean
  readonly answered: Deferred.Deferred<S2sReply, BackendError>
}

/** A reply of the conversation: the model's replies that it is made of, and how much was given to playout, in ms. */
interface Parts {
  readonly replies: Array<S2sReply>
  handedOverMs: number
}

/**
 * @category models
 * @since 0.1.0
 */
export class S2sReplies {
  readonly #options: S2sRepliesOptions
  readonly #requests: S2sRequests<Request>
  /** Replies of the model that take events, by its names. */
  readonly #replies = new Map<string, S2sReply>()
  readonly #names = new Set<string>()
  readonly #parts = new Map<number, Parts>()

  constructor(options: S2sRepliesOptions) {
    this.#options = options
    this.#requests = new S2sRequests(options.now)
  }

  /** Takes an event of the model. Synchronous. */
  take(event: ReplyOrRequestEvent): void {
    if (event._tag === "ReplyStarted") return this.#start(event.reply, event.request)
    if (event._tag === "RequestFailed") {
      const request = this.#requests.failed(event.request)
      if (request !== undefined) Deferred.doneUnsafe(request.answered, Effect.fail(event.error))
      return
    }
    const reply = this.#replies.get(event.reply)
    if (reply === undefined || reply.take(event)) return
    const { stream } = this.#options
    if (event._tag === "ToolCall") stream.toolResult(event.id, JSON.stringify({ error: "too many tool calls" }))
    // what was made will be heard, unless it is interrupted
    else stream.truncate(reply.name, reply.madeMs)
  }

  /**
   * Requests a reply for this epoch and waits until it begins. Fails when it does not begin in time. When the wait is
   * interrupted, the reply is truncated as soon as it begins. `mayBeSilent`: no sound is no failure.
   */
  ask(epoch: number, send: (request: string) => void, mayBeSilent = false): Effect.Effect<S2sReply, BackendError> {
    return Effect.suspend(() => {
      const { answerMs, lost, stream } = this.#options
      const answered = Deferred.makeUnsafe<S2sReply, BackendError>()
      const id = this.#requests.add({ epoch, mayBeSilent, answered }, answerMs)
      send(id)
      return Deferred.await(answered).pipe(
        Effect.timeoutOrElse({
          duration: answerMs,
          orElse: () => {
            this.#requests.lose(id)
            stream.cancel?.(id)
            return Effect.fail(lost())
          }
        }),
        Effect.onInterrupt(() =>
          Effect.sync(() => {
            if (this.#requests.abandon(id)) stream.cancel?.(id)
          })
        )
      )
    })
  }

  /** A reply that the model began by itself becomes the reply of this epoch. Synchronous, as it may be ended at once. */
  begin(epoch: number, name: string): S2sReply {
    let reply = this.#replies.get(name)
    if (reply === undefined) {
      reply = this.#make(name, false)
      reply.fail(this.#dropped())
    }
    this.#partsOf(epoch).replies.push(reply)
    return reply
  }

  /** So many ms of a reply were given to playout. `byModel`: the model's own audio. */
  handedOver(epoch: number, reply: S2sReply, ms: number, byModel: boolean): void {
    const parts = this.#parts.get(epoch)
    if (parts === undefined) return
    reply.handedOver(parts.handedOverMs, ms, byModel)
    parts.handedOverMs += ms
  }

  /** Whether the model has made nothing for this epoch that can be heard. */
  isUnheard(epoch: number): boolean {
    return (this.#parts.get(epoch)?.replies ?? []).every((reply) => reply.isEmpty)
  }

  /** The reply of this epoch has ended: the model is told what of it was not heard. */
  ended(epoch: number, { completed, playedMs }: Parameters<Pipeline["ended"]>[1]): void {
    const { stream } = this.#options
    for (const id of this.#requests.abandonAll((request) => request.epoch === epoch)) stream.cancel?.(id)
    const parts = this.#parts.get(epoch)
    this.#parts.delete(epoch)
    for (const reply of parts?.replies ?? []) {
      this.#replies.delete(reply.name)
      const heardMs = completed ? undefined : reply.heardMs(playedMs)
      if (heardMs !== undefined) stream.truncate(reply.name, heardMs)
    }
  }

  #start(name: string, request: string | undefined): void {
    if (this.#names.has(name)) return
    this.#names.add(name)
    for (const oldest of this.#names) {
      if (this.#names.size <= MAX_NAMES) break
      this.#names.delete(oldest)
    }
    const answered = this.#requests.answered(request)
    if (answered._tag === "Unwanted") return this.#options.stream.truncate(name, 0)
    if (answered._tag === "Unasked") this.#dropUnplayed()
    const reply = this.#make(name, answered._tag === "Wanted" && answered.owner.mayBeSilent)
    this.#replies.set(name, reply)
    if (answered._tag === "Unasked") return this.#options.unasked(name)
    this.#partsOf(answered.owner.epoch).replies.push(reply)
    Deferred.doneUnsafe(answered.owner.answered, Effect.succeed(reply))
  }

  /** Drops the reply that the model began by itself and nobody plays: the conversation plays the last of such replies. */
  #dropUnplayed(): void {
    const played = new Set(Array.from(this.#parts.values(), ({ replies }) => replies).flat())
    for (const reply of this.#replies.values()) {
      if (played.has(reply)) continue
      this.#replies.delete(reply.name)
      this.#options.stream.truncate(reply.name, 0)
    }
  }

  #make(name: string, mayBeSilent: boolean): S2sReply {
    return new S2sReply(name, { ...this.#options, mayBeSilent })
  }

  #partsOf(epoch: number): Parts {
    const former = this.#parts.get(epoch)
    if (former !== undefined) return former
    const parts: Parts = { replies: [], handedOverMs: 0 }
    this.#parts.set(epoch, parts)
    return parts
  }

  #dropped(): BackendError {
    return new PipelineError({
      op: "SpeechToSpeech.reply",
      message: `${this.#options.engine}: an answer was dropped, because the model began another`,
      retryable: false
    })
  }
}
