/**
 * Which component decides that the user's turn is over:
 *
 * - `own`: the backend, by voice activity and endpointing.
 * - `stt`: the recogniser, by its end-of-turn events.
 * - `remote`: a speech-to-speech model, on its own side.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * @category models
 * @since 0.1.0
 */
export const TurnAuthority = Schema.Literals(["own", "stt", "remote"])

/**
 * @category models
 * @since 0.1.0
 */
export type TurnAuthority = typeof TurnAuthority.Type
