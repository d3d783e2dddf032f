/**
 * The typed turns that were sent to a bot and that it has not answered. A bot does not say what a reply answers: it answers
 * the oldest. One without an answer fails within its deadline; one whose bot is lost is sent to the next bot, once.
 *
 * @since 0.1.0
 */
import { type BackendError, PipelineError, Timeout } from "../../BackendError.ts"
import type { SpeechToSpeechEvent } from "../../speech/SpeechToSpeech.ts"

/** Typed turns that may wait for an answer; more fail. */
const MAX_PENDING = 64

interface Pending {
  readonly request: string
  readonly content: string
  /** When it was sent, in ms; `undefined` while there is no bot. */
  at: number | undefined
  repeated: boolean
}

/**
 * - `deadlineMs`: how long a bot may take to begin an answer, in ms.
 * - `now`: a monotonic clock, in ms.
 * - `send`: sends a typed turn to the bot; false while there is none.
 *
 * @category models
 * @since 0.1.0
 */
export interface BotRequestsOptions {
  readonly deadlineMs: number
  readonly now: () => number
  readonly send: (content: string) => boolean
  readonly emit: (event: SpeechToSpeechEvent) => void
}

/**
 * @category models
 * @since 0.1.0
 */
export class BotRequests {
  readonly #options: BotRequestsOptions
  #pending: Array<Pending> = []

  constructor(options: BotRequestsOptions) {
    this.#options = options
  }

  /** Sends a typed turn. */
  add(content: string, request: string): void {
    if (this.#pending.length >= MAX_PENDING) {
      const message = `pipecat: request queue is full (${MAX_PENDING} typed turns)`
      return this.#fail(request, new PipelineError({ op: "SpeechToSpeech.reply", message, retryable: false }))
    }
    const pending: Pending = { request, content, at: undefined, repeated: false }
    this.#pending.push(pending)
    this.#send(pending)
  }

  /** A reply begins: returns the request that it answers, if one waits. */
  answered(): string | undefined {
    return this.#pending.shift()?.request
  }

  /** A request is not wanted any more. */
  cancel(request: string): void {
    this.#pending = this.#pending.filter((pending) => pending.request !== request)
  }

  /** The bot is lost. */
  lost(error: BackendError): void {
    for (const pending of this.#pending.splice(0)) {
      if (pending.repeated) this.#fail(pending.request, error)
      else this.#pending.push({ ...pending, at: undefined, repeated: pending.at !== undefined })
    }
  }

  /** There is a new bot. */
  connected(): void {
    for (const pending of this.#pending) this.#send(pending)
  }

  /** Fails what is overdue. Call it several times within the deadline. */
  tick(): void {
    const { deadlineMs, now } = this.#options
    for (const { at, request } of this.#pending.slice()) {
      if (at === undefined || now() - at < deadlineMs) continue
      this.cancel(request)
      const message = `pipecat did not answer within ${deadlineMs / 1_000}s`
      this.#fail(request, new Timeout({ op: "SpeechToSpeech.reply", message, details: { vendor: "pipecat" } }))
    }
  }

  #send(pending: Pending): void {
    if (this.#options.send(pending.content)) pending.at = this.#options.now()
  }

  #fail(request: string, error: BackendError): void {
    this.#options.emit({ _tag: "RequestFailed", request, error })
  }
}
