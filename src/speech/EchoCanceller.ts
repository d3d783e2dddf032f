/**
 * Removes the echo of the agent's voice from the user's audio: for loudspeakers near a microphone without a canceller of their
 * own, such as those of devices, kiosks, telephones and clients that are no browsers.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { BackendError } from "../BackendError.ts"

/**
 * Samples of a frame: 10 ms at 16 kHz.
 *
 * @category constants
 * @since 0.1.0
 */
export const FRAME = 160

/**
 * One session's canceller. Synchronous. What it throws costs the session its canceller for a while, and nothing else.
 *
 * @category models
 * @since 0.1.0
 */
export interface EchoCancellerStream {
  /** Takes the next frame that is played to the user; one for each frame of the user's audio, before it. */
  readonly played: (pcm: Int16Array) => void
  /** Removes the echo from the next frame of the user's audio, in place. */
  readonly heard: (pcm: Int16Array) => void
}

/**
 * The echo canceller of a backend. It finds the delay of the echo by itself.
 *
 * @category services
 * @since 0.1.0
 */
export class EchoCanceller extends Context.Service<EchoCanceller, {
  readonly name: string
  readonly open: Effect.Effect<EchoCancellerStream, BackendError, Scope.Scope>
}>()("effect-voice/speech/EchoCanceller") {}
