/**
 * Estimates whether the user has finished, beyond mere silence.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { BackendError } from "../BackendError.ts"

/**
 * What a detector judges by.
 *
 * @category models
 * @since 0.1.0
 */
export interface TurnDetectorInput {
  readonly transcript: string
  /** The agent's last words, which the user answers. */
  readonly agentSaid: string
  /** What the user speaks, BCP 47, when it is known. */
  readonly language?: string | undefined
}

/**
 * The turn detector of a backend: the probability, 0 to 1, that the turn is over.
 *
 * @category services
 * @since 0.1.0
 */
export class TurnDetector extends Context.Service<TurnDetector, {
  readonly name: string
  /** Estimates the probability (0 to 1) that the user has finished. */
  readonly endOfTurn: (input: TurnDetectorInput) => Effect.Effect<number, BackendError>
}>()("effect-voice/speech/TurnDetector") {}
