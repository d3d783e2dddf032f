/**
 * The echo canceller of a session: gives it what is played and what the user's microphone heard, frame by frame, and the engines
 * what is left.
 *
 * On the hot path, while the agent may be heard; for the rest of the time the user's audio passes as it is. A canceller that
 * fails is left out for a while, and the user's audio passes.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ResamplerFactory } from "../../audio/resampling/Resampler.ts"
import { type BackendError, isBackendError, normalize, PipelineError } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import { type EchoCanceller, type EchoCancellerStream, FRAME } from "../../speech/EchoCanceller.ts"
import * as EngineFailure from "../../speech/EngineFailure.ts"
import type { AudioTap } from "../playout/AudioOutput.ts"
import { ArrivalClock } from "./ArrivalClock.ts"
import { EchoReference, framesOf } from "./EchoReference.ts"
import { EchoStrength } from "./EchoStrength.ts"
import { ProcessorHealth, type ProcessorIncident } from "./ProcessorHealth.ts"

/** The longest piece of the user's audio: 30 ms. */
const MAX_PIECE = 3 * FRAME

const power = (pcm: Int16Array): number => {
  let sum = 0
  for (let i = 0; i < pcm.length; i++) sum += pcm[i]! * pcm[i]!
  return sum / pcm.length
}

const thrown = (name: string, cause: unknown): BackendError =>
  new PipelineError({
    op: "EchoCanceller.process",
    message: `the echo canceller ${name} threw an exception`,
    cause,
    retryable: false
  })

/**
 * @category models
 * @since 0.1.0
 */
export interface EchoCancellationOptions {
  readonly resamplers: ResamplerFactory
  /** The playout clock, in ms. */
  readonly now: () => number
  /** Synchronous, within a push or a frame of playout. */
  readonly onIncident: (incident: ProcessorIncident) => void
}

/**
 * @category models
 * @since 0.1.0
 */
export class EchoCancellation implements AudioTap {
  readonly #name: string
  readonly #stream: EchoCancellerStream | undefined
  /** Why there is no stream, until that is reported: with the first audio, when somebody listens. */
  #unopened: BackendError | undefined
  readonly #onIncident: EchoCancellationOptions["onIncident"]
  readonly #health: ProcessorHealth
  readonly #reference: EchoReference
  readonly #clock: ArrivalClock
  readonly #strength = new EchoStrength()
  /** Whether an echo may be heard. */
  #active = false
  #position = 0
  readonly #played = new Int16Array(FRAME)
  readonly #memory = new Int16Array(MAX_PIECE)
  readonly #frames = framesOf(this.#memory)
  #cleaned = this.#memory
  /** Whether `#cleaned` is that of the last piece. */
  #isCleaned = false
  /** Samples of an incomplete frame, which wait for the next piece. */
  readonly #rest = new Int16Array(FRAME)
  #resting = 0
  #gathered = new Int16Array(MAX_PIECE)

  /** `opened`: the canceller, or why there is none, which is reported. */
  constructor(
    name: string,
    opened: EchoCancellerStream | BackendError,
    { now, onIncident, resamplers }: EchoCancellationOptions
  ) {
    this.#name = name
    this.#stream = isBackendError(opened) ? undefined : opened
    this.#unopened = isBackendError(opened) ? opened : undefined
    this.#onIncident = onIncident
    this.#health = new ProcessorHealth(name, "bypass", onIncident)
    this.#reference = new EchoReference(resamplers)
    this.#clock = new ArrivalClock(now)
  }

  /** Another connection: most often the same room, so the canceller goes on. */
  reset(): void {
    this.#resting = 0
    this.#clock.reset()
  }

  frame(pcm: Int16Array, sampleRate: number, atMs: number): void {
    if (this.#stream === undefined) return this.#reportUnopened()
    if (this.#health.isBypassed) return
    this.#active = true
    this.#guarded(() => this.#reference.write(pcm, sampleRate, atMs))
  }

  cut(atMs: number): void {
    this.#reference.cut(atMs)
  }

  /** Takes samples, and returns those of whole frames; the rest waits, less than 10 ms. Valid until the next call. */
  gather(pcm: Int16Array): Int16Array {
    const before = this.#resting
    const total = before + pcm.length
    if (before === 0 && total % FRAME === 0) return pcm
    if (this.#gathered.length < total) this.#gathered = new Int16Array(total)
    const whole = total - total % FRAME
    this.#gathered.set(this.#rest.subarray(0, before))
    this.#gathered.set(pcm, before)
    this.#resting = total - whole
    this.#rest.set(this.#gathered.subarray(whole, total))
    return this.#gathered.subarray(0, whole)
  }

  /**
   * Takes the next whole frames of the user's audio, at most 30 ms, and returns what is left without the echo: valid until the
   * next call. `isLost` when they stand for some that did not come.
   */
  clean(pcm: Int16Array, isLost: boolean): Int16Array {
    const from = this.#position
    this.#position += pcm.length
    this.#isCleaned = false
    const stream = this.#stream
    if (stream === undefined || !this.#active || isLost || !this.#health.accepts(pcm.length)) return pcm
    if (!this.#reference.follow(from, this.#clock.arrived(this.#position) - pcm.length * 10 / FRAME)) {
      this.#active = false
      return pcm
    }
    if (this.#cleaned.length !== pcm.length) this.#cleaned = this.#memory.subarray(0, pcm.length)
    this.#cleaned.set(pcm)
    this.#isCleaned = this.#guarded(() => this.#process(stream, from, pcm.length / FRAME))
    return this.#isCleaned ? this.#cleaned : pcm
  }

  /** What the recogniser gets of the piece that was cleaned last: the piece itself while the echo is weak. */
  recognised(pcm: Int16Array): Int16Array {
    return this.#isCleaned && this.#strength.isStrong ? this.#cleaned : pcm
  }

  /** Frees the resampler. */
  free(): void {
    this.#reference.free()
  }

  #process(stream: EchoCancellerStream, from: number, frames: number): void {
    for (let i = 0; i < frames; i++) {
      const frame = this.#frames[i]!
      this.#reference.read(from + i * FRAME, this.#played)
      const raw = power(frame)
      stream.played(this.#played)
      stream.heard(frame)
      this.#strength.frame(power(this.#played), raw, power(frame))
    }
    this.#health.succeeded(frames * FRAME)
  }

  #guarded(work: () => void): boolean {
    try {
      work()
      return true
    } catch (cause) {
      this.#health.failed(isBackendError(cause) ? cause : thrown(this.#name, cause))
      return false
    }
  }

  #reportUnopened(): void {
    const error = this.#unopened
    this.#unopened = undefined
    if (error !== undefined) this.#onIncident({ name: this.#name, what: "bypassed", error })
  }
}

/**
 * Opens a session's canceller in its scope. One that cannot be opened is left out of the session, and reported.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (
  canceller: EchoCanceller["Service"],
  { timeout, ...options }: EchoCancellationOptions & { readonly timeout: Duration.Duration }
): Effect.Effect<EchoCancellation, never, Scope.Scope> =>
  EngineFailure.asked("EchoCanceller.open", canceller.name, () => canceller.open).pipe(
    deadline("EchoCanceller.open", `opening the echo canceller ${canceller.name}`, timeout),
    normalize("EchoCanceller.open"),
    Effect.catch((error) => Effect.succeed(error)),
    Effect.map((opened) => new EchoCancellation(canceller.name, opened, options))
  )
