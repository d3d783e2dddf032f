/**
 * Whether a processor may be asked: after a failure it rests, is tried again a few times, and is then left out.
 *
 * Rests are counted in samples of its audio and not by a clock, so that the hot path knows no time.
 *
 * @since 0.1.0
 */
import { type BackendError, isBackendError, PipelineError } from "../../BackendError.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"

/**
 * What becomes of a session whose processor fails: its audio passes the processor by, or the session ends `failed`.
 *
 * @category models
 * @since 0.1.0
 */
export type OnFailure = "bypass" | "stop"

/**
 * What happened to a processor.
 *
 * - `failed`: `error`; its audio passes it by for a while, then it is tried again.
 * - `recovered`: it works again.
 * - `bypassed`: it could not be opened, or failed too often: its audio passes it by for the rest of the session.
 * - `stopped`: it failed, and by its `on_failure` that ends the session.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProcessorIncident {
  readonly name: string
  readonly what: "failed" | "recovered" | "bypassed" | "stopped"
  readonly error?: BackendError | undefined
}

/** The first rest; each further one is twice as long: 1, 2, 4, 8 s. */
const REST = TIMELINE_RATE
const RESTS = 4
/** After so much audio without a failure the former ones are forgotten. */
const FORGIVEN = 10 * TIMELINE_RATE

/**
 * @category models
 * @since 0.1.0
 */
export class ProcessorHealth {
  readonly #name: string
  readonly #onFailure: OnFailure
  readonly #tell: (incident: ProcessorIncident) => void
  #failures = 0
  #rest = 0
  #good = 0
  #failing = false
  #out = false

  constructor(name: string, onFailure: OnFailure, tell: (incident: ProcessorIncident) => void) {
    this.#name = name
    this.#onFailure = onFailure
    this.#tell = tell
  }

  /** Whether it is passed by. */
  get resting(): boolean {
    return this.#out || this.#rest > 0
  }

  /** Whether the next so many samples are for it; if not, they count as rest. */
  ready(samples: number): boolean {
    if (!this.resting) return true
    this.#rest -= samples
    return false
  }

  worked(samples: number): void {
    this.#good += samples
    if (this.#failing) {
      this.#failing = false
      this.#tell({ name: this.#name, what: "recovered" })
    }
    if (this.#failures > 0 && this.#good >= FORGIVEN) this.#failures = 0
  }

  failed(error: BackendError): void {
    this.#good = 0
    this.#failing = true
    this.#failures++
    this.#rest = REST * 2 ** (this.#failures - 1)
    this.#out = this.#onFailure === "stop" || this.#failures > RESTS
    const what = this.#onFailure === "stop" ? "stopped" : this.#out ? "bypassed" : "failed"
    this.#tell({ name: this.#name, what, error })
  }
}

/**
 * The error for what a processor has thrown.
 *
 * @category conversions
 * @since 0.1.0
 */
export const thrown = (name: string, cause: unknown): BackendError =>
  isBackendError(cause)
    ? cause
    : new PipelineError({
      op: "AudioProcessor.process",
      message: `the audio processor ${name} threw`,
      cause,
      retryable: false
    })

/**
 * The error for a result that is not what was asked for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const nonsense = (name: string, expected: string): BackendError =>
  new PipelineError({
    op: "AudioProcessor.process",
    message: `the audio processor ${name} did not return ${expected}`,
    retryable: false
  })
