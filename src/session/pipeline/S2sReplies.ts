/**
 * A model's replies, by its own names: which was asked for, which waits to be played, what is not wanted any more.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type { SpeechToSpeechEvent } from "../../speech/SpeechToSpeech.ts"

/**
 * An event within a reply.
 *
 * @category models
 * @since 0.1.0
 */
export type ReplyEvent = Extract<SpeechToSpeechEvent, { readonly reply: string }>

/** Pieces of a reply that wait for the player; a model that is further ahead than this is failed. */
const MAX_PIECES = 4_096
/** Replies that have begun and are not played yet; the oldest of more is dropped. */
const MAX_REPLIES = 8

/**
 * What becomes of replies: `truncate` tells the model to forget one, `unasked` that the model began one by itself.
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
  /** An answer that was asked for and has not begun. */
  #awaited: Deferred.Deferred<string> | undefined
  /** Answers that were asked for and are not wanted any more. */
  #unwanted = 0

  constructor(makeQueue: () => Queue.Queue<ReplyEvent>, options: S2sRepliesOptions) {
    this.#makeQueue = makeQueue
    this.#options = options
  }

  /** Takes what the model says; synchronous. */
  take(event: ReplyEvent): void {
    if (event._tag === "ReplyStarted") {
      this.#start(event.reply)
      return
    }
    const queue = this.#queues.get(event.reply)
    if (queue !== undefined && !Queue.offerUnsafe(queue, event)) {
      // the end must get through
      this.#queues.delete(event.reply)
      this.#options.truncate(event.reply, 0)
    }
  }

  /** What there is and will be of a reply; `undefined` when it is not known any more. */
  events(reply: string): Queue.Dequeue<ReplyEvent> | undefined {
    return this.#queues.get(reply)
  }

  forget(reply: string): void {
    this.#queues.delete(reply)
  }

  /** Asks the model for a reply, and waits for its name; one that is not waited for any more is truncated at its begin. */
  ask(ask: () => void): Effect.Effect<string> {
    return Effect.suspend(() => {
      const deferred = Deferred.makeUnsafe<string>()
      if (this.#awaited !== undefined) this.#unwanted++
      this.#awaited = deferred
      ask()
      return Deferred.await(deferred).pipe(
        Effect.ensuring(Effect.sync(() => {
          if (this.#awaited !== deferred) return
          this.#awaited = undefined
          this.#unwanted++
        }))
      )
    })
  }

  #start(reply: string): void {
    if (this.#unwanted > 0) {
      this.#unwanted--
      return this.#options.truncate(reply, 0)
    }
    for (const oldest of this.#queues.keys()) {
      if (this.#queues.size < MAX_REPLIES) break
      this.#queues.delete(oldest)
      this.#options.truncate(oldest, 0)
    }
    this.#queues.set(reply, this.#makeQueue())
    const asked = this.#awaited
    if (asked === undefined) return this.#options.unasked(reply)
    // first: whoever asked goes on at once
    this.#awaited = undefined
    Deferred.doneUnsafe(asked, Effect.succeed(reply))
  }
}

/**
 * The book of one session's replies.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: S2sRepliesOptions): Effect.Effect<S2sReplies> =>
  Effect.map(
    Effect.context<never>(),
    (context) => new S2sReplies(() => Effect.runSyncWith(context)(Queue.dropping<ReplyEvent>(MAX_PIECES)), options)
  )
