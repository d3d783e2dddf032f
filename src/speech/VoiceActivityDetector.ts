/**
 * Tells speech from silence in the user's audio.
 *
 * A detector is shared by a backend; each session opens its own stream. Positions count samples of the session's audio
 * timeline (16 kHz, see `TIMELINE_RATE`), so that load cannot move a boundary: silence is measured in the audio, however
 * late it is processed.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { BackendError } from "../BackendError.ts"
import type { EngineHealth } from "./EngineHealth.ts"

/**
 * The rate of the timeline on which every position in a session is counted: 16,000 samples a second, whatever the rate
 * of the connection or of an engine.
 *
 * @category constants
 * @since 0.1.0
 */
export const TIMELINE_RATE = 16_000

/**
 * A change between speech and silence. `atSample` is where it happened; `decidedAtSample` is how much audio the detector
 * had received when it decided (never smaller).
 *
 * @category models
 * @since 0.1.0
 */
export type VoiceActivity =
  | { readonly _tag: "SpeechStarted"; readonly atSample: number; readonly decidedAtSample: number }
  | { readonly _tag: "SpeechStopped"; readonly atSample: number; readonly decidedAtSample: number }

/**
 * One session's detector.
 *
 * @category models
 * @since 0.1.0
 */
export interface VoiceActivityStream {
  /**
   * Takes the next PCM (mono, at the detector's `sampleRate`, any length). Synchronous; the samples are only valid
   * during the call.
   */
  readonly push: (pcm: Int16Array) => void
  /**
   * Calls back when everything that was pushed has been classified. Only for a detector that works in another thread or
   * batch.
   */
  readonly settle?: ((settled: () => void) => void) | undefined
  /** How many samples were pushed and are not classified yet; only with `settle`. */
  readonly behind?: (() => number) | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface VoiceActivityOptions {
  /**
   * Called for each change, in order, on the session's thread: within `push`, or later for a detector that works in another
   * thread or batch.
   */
  readonly onActivity: (activity: VoiceActivity) => void
}

/**
 * The voice activity detector of a backend.
 *
 * @category services
 * @since 0.1.0
 */
export class VoiceActivityDetector extends Context.Service<
  VoiceActivityDetector,
  EngineHealth & {
    readonly name: string
    /** The PCM it takes, in Hz. */
    readonly sampleRate: number
    /** Opens a session's detector, which ends with the scope. */
    readonly open: (options: VoiceActivityOptions) => Effect.Effect<VoiceActivityStream, BackendError, Scope.Scope>
  }
>()("effect-voice/speech/VoiceActivityDetector") {}
