/**
 * The branches of the user's audio. A processor applies to some or all of them.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * - `stt`: the input of speech-to-text or of a speech-to-speech model.
 * - `vad`: the input of the voice activity detector.
 * - `receive`: the audio of `receiveAudio`: recordings and relays, for people to listen to.
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
 * All branches.
 *
 * @category constants
 * @since 0.1.0
 */
export const all: ReadonlyArray<AudioBranch> = ["stt", "vad", "receive"]
