/**
 * Removes noise from the user's audio for human listeners: recordings and relays. By default it does not apply to speech
 * recognition, because denoised speech is recognised worse.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AudioBranch } from "../audio/AudioBranch.ts"
import type { BackendError } from "../BackendError.ts"

/**
 * One session's suppressor.
 *
 * @category models
 * @since 0.1.0
 */
export interface NoiseSuppressorStream {
  /**
   * Cleans the next PCM (mono, at the suppressor's `sampleRate`). Synchronous; the result is only valid until the next
   * call, as long as the input, and delayed by `latencySamples`.
   */
  readonly process: (pcm: Int16Array) => Int16Array
}

/**
 * The noise suppressor of a backend.
 *
 * @category services
 * @since 0.1.0
 */
export class NoiseSuppressor extends Context.Service<NoiseSuppressor, {
  readonly name: string
  readonly sampleRate: number
  readonly latencySamples: number
  /** The branches of audio that it applies to. Default: only `receiveAudio`. */
  readonly appliesTo?: ReadonlyArray<AudioBranch> | undefined
  readonly open: Effect.Effect<NoiseSuppressorStream, BackendError, Scope.Scope>
}>()("effect-voice/speech/NoiseSuppressor") {}
