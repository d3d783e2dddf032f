/**
 * The turns that wait for the worker that listens: in order of arrival, one at a time at the worker, and bounded.
 *
 * Plain and synchronous. A session asks about one pause at a time, so the order of arrival is fair between sessions.
 *
 * @since 0.1.0
 */
import { type BackendError, PipelineError } from "../../BackendError.ts"

/**
 * The most turns that wait, 8 MB of audio: more would be answered too late.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_WAITING = 32

/**
 * What a queue needs of the owner of the worker.
 *
 * @category models
 * @since 0.1.0
 */
export interface VerdictQueueOptions {
  readonly send: (id: number, pcm: Int16Array) => void
  /** In ms. */
  readonly now: () => number
}

interface Turn {
  readonly id: number
  readonly pcm: Int16Array
  readonly onVerdict: (probability: number) => void
  readonly onFailure: (error: BackendError) => void
}

const failure = (message: string, retryable = true) =>
  new PipelineError({ op: "TurnDetector.listen", message: `smart-turn ${message}`, retryable })

/**
 * @category models
 * @since 0.1.0
 */
export class VerdictQueue {
  readonly #options: VerdictQueueOptions
  readonly #waiting: Array<Turn> = []
  #atWorker: { readonly id: number; readonly turn: Turn | undefined; readonly sentAt: number } | undefined
  #nextId = 1
  #isUp = false
  /** Why there is no worker, once one has ended or could not be started. */
  #why: string | undefined

  constructor(options: VerdictQueueOptions) {
    this.#options = options
  }

  /** When the turn at the worker was sent, in ms. */
  get sentAt(): number | undefined {
    return this.#atWorker?.sentAt
  }

  /** The error that a turn would fail with now. */
  get failing(): BackendError | undefined {
    return this.#why === undefined ? undefined : failure(this.#why)
  }

  /**
   * Adds a turn; one of the callbacks is called once, later or at once. Returns a function that takes it back: then none is.
   * While the first worker starts, turns wait.
   */
  add(
    pcm: Int16Array,
    callbacks: Pick<Turn, "onVerdict" | "onFailure">
  ): () => void {
    const { failing } = this
    if (failing !== undefined || this.#waiting.length >= MAX_WAITING) {
      callbacks.onFailure(failing ?? failure("is overloaded"))
      return () => {}
    }
    const turn: Turn = { id: this.#nextId++, pcm, ...callbacks }
    this.#waiting.push(turn)
    this.#next()
    return () => {
      const at = this.#waiting.indexOf(turn)
      if (at >= 0) this.#waiting.splice(at, 1)
      // the worker cannot be interrupted; its verdict is dropped
      else if (this.#atWorker?.turn === turn) this.#atWorker = { ...this.#atWorker, turn: undefined }
    }
  }

  /** Call when a worker is ready. */
  workerStarted(): void {
    this.#isUp = true
    this.#why = undefined
    this.#next()
  }

  /** Call when the worker is gone, or could not be started. */
  workerStopped(why: string): void {
    this.#isUp = false
    this.#why = why
    const lost = [...(this.#atWorker?.turn === undefined ? [] : [this.#atWorker.turn]), ...this.#waiting.splice(0)]
    this.#atWorker = undefined
    for (const { onFailure } of lost) onFailure(failure(why))
  }

  /** Call with each verdict of the worker. */
  verdict(id: number, probability: number): void {
    this.#take(id)?.onVerdict(probability)
    this.#next()
  }

  /** Call when the worker could not give a verdict. */
  noVerdict(id: number, message: string): void {
    this.#take(id)?.onFailure(failure(`could not listen: ${message}`, false))
    this.#next()
  }

  #take(id: number): Turn | undefined {
    if (this.#atWorker?.id !== id) return undefined
    const { turn } = this.#atWorker
    this.#atWorker = undefined
    return turn
  }

  #next(): void {
    if (!this.#isUp || this.#atWorker !== undefined) return
    const turn = this.#waiting.shift()
    if (turn === undefined) return
    this.#atWorker = { id: turn.id, turn, sentAt: this.#options.now() }
    this.#options.send(turn.id, turn.pcm)
  }
}
