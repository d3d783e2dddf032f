/**
 * The suite of text-to-speech engines: what `TextToSpeech` promises.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { BackendError } from "../../../BackendError.ts"
import { TextToSpeech } from "../../../speech/TextToSpeech.ts"
import type { Case } from "../Case.ts"
import * as PartSuite from "../PartSuite.ts"
import * as LifeRows from "./TextToSpeechLifeRows.ts"
import * as SpeechRows from "./TextToSpeechSpeechRows.ts"

/**
 * The text-to-speech engine under test.
 *
 * - `layer`: the engine; it is built for each case. Of one that is expensive to build, give `Layer.succeed(TextToSpeech, engine)`.
 * - `sentences`: two sentences that it speaks. Default: English ones.
 * - `failing`: the engine where it cannot work: its vendor refuses, a model is missing. Opening a voice of it, or speaking, must
 *   fail. Default: how it fails is not checked.
 *
 * @category models
 * @since 0.1.0
 */
export interface TextToSpeechHarness extends PartSuite.PartHarness {
  readonly layer: Layer.Layer<TextToSpeech, BackendError>
  readonly sentences?: readonly [string, string] | undefined
  /** Tells the words of PCM at a rate, in Hz, such as by a recogniser. Default: what it says is not checked. */
  readonly transcribe?: ((pcm: Int16Array, sampleRate: number) => Effect.Effect<string, BackendError>) | undefined
  readonly failing?: Layer.Layer<TextToSpeech, BackendError> | undefined
}

/**
 * Makes the cases for a text-to-speech engine.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tts = (harness: TextToSpeechHarness): ReadonlyArray<Case> =>
  PartSuite.cases(
    harness,
    [...SpeechRows.rows, ...LifeRows.rows],
    Effect.map(Layer.build(harness.layer), (context) => ({
      engine: Context.get(context, TextToSpeech),
      sentences: harness.sentences ?? ["Hello there, how can I help you today?", "The library opens at nine."] as const,
      transcribe: harness.transcribe,
      failing: harness.failing
    }))
  )
