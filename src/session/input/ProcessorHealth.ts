/**
 * Decides whether a processor is used: after a failure it is bypassed for a while, retried a few times, and then bypassed
 * for the rest of the session.
 *
 * The back-off is counted in samples of its audio, so that the hot path needs no clock.
 *
 * @since 0.1.0
 */
import { type BackendError, isBackendError, PipelineError } from "../../BackendError.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"

/**
 * What happens when a processor fails: `bypass` it, or `stop` the session as `failed`.
 *
 * @category models
 * @since 0.1.0
 */
export type OnFailure = "bypass" | "stop"

/**
 * What happened to a processor.
 *
 * - `failed`: with `error`; it is bypassed for a while, then retried.
 * - `recovered`: it works again.
 * - `bypassed`: it could not be opened, or failed too often: it is bypassed for the rest of the session.
 * - `stopped`: it failed, and its `on_failure` ends the session.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProcessorIncident {
  readonly name: string
  readonly what: "failed" | "recovered" | "bypassed" | "stopped"
  readonly error?: BackendError | undefined
}

/** The first back-off; each further one is twice as long: 1, 2, 4, 8 s. */
const BACKOFF = TIMELINE_RATE
const MAX_RETRIES = 4
/** After so much audio without a failure the former failures no longer count: 10 s. */
const RESET_AFTER = 10 * TIMELINE_RATE

/**
 * @category models
 * @since 0.1.0
 */
export class ProcessorHealth {
  readonly #name: string
  readonly #onFailure: OnFailure
  readonly #report: (incident: ProcessorIncident) => void
  #failures = 0
  #backoff = 0
  #goodSamples = 0
  #failing = false
  #bypassed = false

  constructor(name: string, onFailure: OnFailure, report: (incident: ProcessorIncident) => void) {
    this.#name = name
    this.#onFailure = onFailure
    this.#report = report
  }

  /** Whether it is bypassed now. */
  get isBypassed(): boolean {
    return this.#bypassed || this.#backoff > 0
  }

  /** Whether the next so many samples are for the processor; if not, they count towards its back-off. */
  accepts(samples: number): boolean {
    if (!this.isBypassed) return true
    this.#backoff -= samples
    return false
  }

  succeeded(samples: number): void {
    this.#goodSamples += samples
    if (this.#failing) {
      this.#failing = false
      this.#report({ name: this.#name, what: "recovered" })
    }
    if (this.#failures > 0 && this.#goodSamples >= RESET_AFTER) this.#failures = 0
  }

  failed(error: BackendError): void {
    this.#goodSamples = 0
    this.#failing = true
    this.#failures++
    this.#backoff = BACKOFF * 2 ** (this.#failures - 1)
    this.#bypassed = this.#onFailure === "stop" || this.#failures > MAX_RETRIES
    const what = this.#onFailure === "stop" ? "stopped" : this.#bypassed ? "bypassed" : "failed"
    this.#report({ name: this.#name, what, error })
  }
}

/**
 * The error of a processor that throws.
 *
 * @category conversions
 * @since 0.1.0
 */
export const errorOfThrown = (name: string, cause: unknown): BackendError =>
  isBackendError(cause)
    ? cause
    : new PipelineError({
      op: "AudioProcessor.process",
      message: `audio processor ${name} threw an exception`,
      cause,
      retryable: false
    })

/**
 * The error of a processor whose result has the wrong type or length.
 *
 * @category constructors
 * @since 0.1.0
 */
export const invalidResult = (name: string, expected: string): BackendError =>
  new PipelineError({
    op: "AudioProcessor.process",
    message: `audio processor ${name} did not return ${expected}`,
    retryable: false
  })
