/**
 * Estimates whether the user has finished, beyond mere silence: from the words, or also from how they sound.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { BackendError } from "../BackendError.ts"
import type { EngineHealth } from "./EngineHealth.ts"

/**
 * What a detector judges by.
 *
 * @category models
 * @since 0.1.0
 */
export interface TurnDetectorInput {
  /** What was recognised of the turn so far; "" before the first word. */
  readonly transcript: string
  /** The agent's last words, which the user answers. */
  readonly agentSaid: string
  /** What the user speaks, BCP 47, when it is known. */
  readonly language?: string | undefined
  /**
   * How finished the turn sounds, 0 to 1: what `listen` of the same detector said at this pause. Missing where it does not
   * listen, or could not in time: then the words decide.
   */
  readonly heard?: number | undefined
}

/**
 * The turn detector of a backend: the probability, 0 to 1, that the turn is over.
 *
 * One with `listen` hears the audio. It is asked at each pause (`VoiceActivityDetector`: about 200 ms of silence), before the
 * words are there, and `endOfTurn` again with each change of the words. A turn that sounds finished is answered at once.
 *
 * @category services
 * @since 0.1.0
 */
export class TurnDetector extends Context.Service<
  TurnDetector,
  EngineHealth & {
    readonly name: string
    /** Estimates the probability (0 to 1) that the user has finished. */
    readonly endOfTurn: (input: TurnDetectorInput) => Effect.Effect<number, BackendError>
    /**
     * Estimates the same (0 to 1) from the audio of the turn: PCM, mono, 16 kHz, at most the last 8 s, from about 0.5 s before
     * its first sound until now, so that it ends with what the microphone gave after the last word. The samples are the
     * detector's to keep. It is interrupted when the verdict is of no use any more.
     */
    readonly listen?: ((audio: Int16Array) => Effect.Effect<number, BackendError>) | undefined
  }
>()("effect-voice/speech/TurnDetector") {}
