/**
 * The messages between the sessions' thread and the worker of the neural voice.
 *
 * @since 0.1.0
 */
import type { SpokenWord } from "../../../speech/TextToSpeech.ts"
import type { InferenceGuard } from "../../local/InferenceGuard.ts"
import type { VoiceModel } from "../ModelFiles.ts"

/**
 * A text to say.
 *
 * - `session`: texts of the same session are said one after another, those of different sessions take turns.
 * - `voice`: the place of the voice in `WorkerOptions.voices`.
 * - `speed`: 2 is twice as fast.
 * - `gain`: a factor of the samples.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpeechRequest {
  readonly id: number
  readonly session: string
  readonly voice: number
  readonly text: string
  readonly speed: number
  readonly gain: number
}

/**
 * How many pieces of sound a text may be ahead of its listener before it stops: 10 s. Each that is taken allows one more.
 *
 * @category constants
 * @since 0.1.0
 */
export const CREDIT = 50

/**
 * The worker's `workerData`.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkerOptions {
  /** The directory of the model files that come with the package. */
  readonly directory: string
  /** The voices. Each distinct file is loaded once. */
  readonly voices: ReadonlyArray<VoiceModel>
  /** The packages of the ONNX runtime, in the order of preference. */
  readonly runtimes: ReadonlyArray<string>
  readonly guard: InferenceGuard
  /** Two shared numbers: the id of the text whose step the worker makes, 0 between two steps; and a count of the steps. */
  readonly current: Int32Array
}

/**
 * A message to the worker: say a text, forget it, one piece of its sound was taken, or exit.
 *
 * @category models
 * @since 0.1.0
 */
export type ToWorker =
  | { readonly _tag: "Speak"; readonly request: SpeechRequest }
  | { readonly _tag: "Cancel"; readonly id: number }
  | { readonly _tag: "Taken"; readonly id: number }
  | { readonly _tag: "End" }

/**
 * Sound of a text: PCM at 24 kHz, at most 200 ms, and the words spoken from here on.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sound {
  readonly pcm: Int16Array<ArrayBuffer>
  readonly words: ReadonlyArray<SpokenWord>
}

/**
 * A message about a text: its next sound, its end, or why it cannot be said.
 *
 * @category models
 * @since 0.1.0
 */
export type SpeechMessage =
  | { readonly _tag: "Sound"; readonly id: number; readonly sound: Sound }
  | { readonly _tag: "Done"; readonly id: number }
  | { readonly _tag: "Error"; readonly id: number; readonly message: string }

/**
 * Why the worker did not start: the runtime's package is missing, a file is not a voice's network, or anything else.
 *
 * @category models
 * @since 0.1.0
 */
export type StartFault = "package" | "model" | "other"

/**
 * A message from the worker: once whether it has started, then about its texts.
 *
 * @category models
 * @since 0.1.0
 */
export type FromWorker =
  | { readonly _tag: "Ready"; readonly runtime: string; readonly unusable: string | undefined }
  | { readonly _tag: "Failed"; readonly message: string; readonly fault: StartFault }
  | SpeechMessage
