/**
 * Tells speech from silence in the user's audio.
 *
 * A detector is shared by a backend; each session opens its own stream. Positions count samples of the session's audio
 * timeline (16 kHz, see `TIMELINE_RATE`), so that a loaded machine cannot move a boundary: what was silence in the audio
 * is silence, however late it is looked at.
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
 * A change between speech and silence. `atSample` is where it happened; `decidedAtSample` is how much audio had been
 * heard when the detector was sure (never smaller).
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
   * Calls back when all that was pushed has been judged, at once where `push` does that. Only of a detector that works
   * elsewhere.
   */
  readonly settle?: ((settled: () => void) => void) | undefined
  /** How many samples were pushed and have not been judged; only with `settle`. */
  readonly behind?: (() => number) | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface VoiceActivityOptions {
  /**
   * Called for each change, in order, in the same thread: within `push`, or later for a detector that works elsewhere.
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
