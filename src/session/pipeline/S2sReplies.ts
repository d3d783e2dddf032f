/**
 * The replies of a speech-to-speech model, by the model's ids: requested, waiting to be played, or no longer wanted.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type { SpeechToSpeechEvent } from "../../speech/SpeechToSpeech.ts"

/**
 * An event of a reply.
 *
 * @category models
 * @since 0.1.0
 */
export type ReplyEvent = Extract<SpeechToSpeechEvent, { readonly reply: string }>

/** Events of a reply that wait for playout; a reply of a model that is further ahead is cut. */
const MAX_PIECES = 4_096
/** Replies that have begun and not been played; the oldest of more is dropped. */
const MAX_REPLIES = 8

/**
 * Callbacks: `truncate` has the model forget the rest of a reply; `unasked` reports a reply that the model began by itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface S2sRepliesOptions {
  readonly truncate: (reply: string, playedMs: number) => void
  readonly unasked: (reply: string) => void
}

/**
 * @category models
 * @since 0.1.0
 */
export class S2sReplies {
  readonly #options: S2sRepliesOptions
  readonly #queues = new Map<string, Queue.Queue<ReplyEvent>>()
  readonly #makeQueue: () => Queue.Queue<ReplyEvent>
  /** A requested answer that has not begun. */
  #awaited: Deferred.Deferred<string> | undefined
  /** How many answers were requested, have not begun, and are not wanted any more. */
  #abandoned = 0
  #requests = 0

  constructor(makeQueue: () => Queue.Queue<ReplyEvent>, options: S2sRepliesOptions) {
    this.#makeQueue = makeQueue
    this.#options = options
  }

  /** Takes an event of the model. Synchronous. */
  take(event: ReplyEvent): void {
    if (event._tag === "ReplyStarted") {
      this.#start(event.reply)
      return
    }
    const queue = this.#queues.get(event.reply)
    if (queue !== undefined && !Queue.offerUnsafe(queue, event)) {
      // the queue is full, and would lose the end of the reply: it is cut here
      this.#queues.delete(event.reply)
      this.#options.truncate(event.reply, 0)
    }
  }

  /** The events of a reply, now and to come; `undefined` when it has been dropped. */
  events(reply: string): Queue.Dequeue<ReplyEvent> | undefined {
    return this.#queues.get(reply)
  }

  forget(reply: string): void {
    this.#queues.delete(reply)
  }

  /** Requests a reply and waits for its id. When the wait is interrupted, the reply is truncated as soon as it begins. */
  ask(ask: (request: string) => void): Effect.Effect<string> {
    return Effect.suspend(() => {
      const deferred = Deferred.makeUnsafe<string>()
      if (this.#awaited !== undefined) this.#abandoned++
      this.#awaited = deferred
      ask(`request-${++this.#requests}`)
      return Deferred.await(deferred).pipe(
        Effect.ensuring(Effect.sync(() => {
          if (this.#awaited !== deferred) return
          this.#awaited = undefined
          this.#abandoned++
        }))
      )
    })
  }

  #start(reply: string): void {
    if (this.#abandoned > 0) {
      this.#abandoned--
      return this.#options.truncate(reply, 0)
    }
    for (const oldest of this.#queues.keys()) {
      if (this.#queues.size < MAX_REPLIES) break
      this.#queues.delete(oldest)
      this.#options.truncate(oldest, 0)
    }
    this.#queues.set(reply, this.#makeQueue())
    const awaited = this.#awaited
    if (awaited === undefined) return this.#options.unasked(reply)
    // before the Deferred completes: the fiber that waits may continue at once, and request another
    this.#awaited = undefined
    Deferred.doneUnsafe(awaited, Effect.succeed(reply))
  }
}

/**
 * Makes the replies of one session.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: S2sRepliesOptions): Effect.Effect<S2sReplies> =>
  Effect.map(
    Effect.context<never>(),
    (context) => new S2sReplies(() => Effect.runSyncWith(context)(Queue.dropping<ReplyEvent>(MAX_PIECES)), options)
  )
