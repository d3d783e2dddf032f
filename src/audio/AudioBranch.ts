/**
 * The branches into which the user's audio forks: who hears what a processor has made of it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * - `stt`: what is understood: by the recogniser, or by a speech-to-speech model.
 * - `vad`: what the voice activity detector hears.
 * - `receive`: what is read from `receiveAudio`: recordings and relays, for a person's ears.
 *
 * @category models
 * @since 0.1.0
 */
export const AudioBranch = Schema.Literals(["stt", "vad", "receive"])

/**
 * @category models
 * @since 0.1.0
 */
export type AudioBranch = typeof AudioBranch.Type

/**
 * All of them.
 *
 * @category constants
 * @since 0.1.0
 */
export const all: ReadonlyArray<AudioBranch> = ["stt", "vad", "receive"]
