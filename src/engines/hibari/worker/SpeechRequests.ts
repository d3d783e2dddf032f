/**
 * The texts that the worker of the neural voice is saying, and who listens to each.
 *
 * Plain code of the sessions' thread.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Queue from "effect/Queue"
import { type BackendError, PipelineError } from "../../../BackendError.ts"
import { CREDIT, type Sound, type SpeechMessage } from "./WorkerProtocol.ts"

/**
 * Where the sound of a text arrives; it ends with the text.
 *
 * @category models
 * @since 0.1.0
 */
export type SoundQueue = Queue.Queue<Sound, BackendError | Cause.Done>

/**
 * The failure of the voice's worker; whether another attempt may work.
 *
 * @category constructors
 * @since 0.1.0
 */
export const voiceFailed = (message: string, retryable: boolean): PipelineError =>
  new PipelineError({
    op: "TextToSpeech.speak",
    message: `hibari's worker ${message}`,
    details: { engine: "hibari" },
    retryable
  })

interface Entry {
  readonly queue: SoundQueue
  /** Pieces of sound that have come and are not taken. */
  ahead: number
}

/**
 * @category models
 * @since 0.1.0
 */
export class SpeechRequests {
  readonly #entries = new Map<number, Entry>()
  #nextId = 1

  get size(): number {
    return this.#entries.size
  }

  /** Whether the worker owes sound or an end to any listener. */
  get isExpecting(): boolean {
    for (const { ahead } of this.#entries.values()) if (ahead < CREDIT) return true
    return false
  }

  /** Adds a listener; gives the text's id. */
  add(queue: SoundQueue): number {
    const id = this.#nextId++
    this.#entries.set(id, { queue, ahead: 0 })
    return id
  }

  /** A listener is gone; false if its text had ended. */
  remove(id: number): boolean {
    return this.#entries.delete(id)
  }

  /** A listener took a piece of sound; false if its text has ended. */
  taken(id: number): boolean {
    const entry = this.#entries.get(id)
    if (entry === undefined) return false
    entry.ahead--
    return true
  }

  receive(message: SpeechMessage): void {
    const entry = this.#entries.get(message.id)
    // of a text that was cancelled meanwhile
    if (entry === undefined) return
    if (message._tag === "Sound") {
      entry.ahead++
      Queue.offerUnsafe(entry.queue, message.sound)
      return
    }
    this.#entries.delete(message.id)
    if (message._tag === "Done") Queue.endUnsafe(entry.queue)
    else Queue.failCauseUnsafe(entry.queue, Cause.fail(voiceFailed(`failed: ${message.message}`, true)))
  }

  /** The worker is gone: every text fails. The one that it worked on when it hung or died is not worth another attempt. */
  fail(why: string, culprit = 0): void {
    for (const [id, { queue }] of this.#entries) {
      Queue.failCauseUnsafe(queue, Cause.fail(voiceFailed(why, id !== culprit)))
    }
    this.#entries.clear()
  }
}
