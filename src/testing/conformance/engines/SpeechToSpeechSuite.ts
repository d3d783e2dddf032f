/**
 * The suite of speech-to-speech engines: what `SpeechToSpeech` promises.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { BackendError } from "../../../BackendError.ts"
import { SpeechToSpeech, type SpeechToSpeechTool } from "../../../speech/SpeechToSpeech.ts"
import type { Case } from "../Case.ts"
import * as PartSuite from "../PartSuite.ts"
import * as SpeechToSpeechRows from "./SpeechToSpeechRows.ts"
import { atRate, type Spoken } from "./TestAudio.ts"

/**
 * The speech-to-speech engine under test. It is asked by speech and by text, and must answer each time, with a sentence or two.
 *
 * - `layer`: the engine; it is built for each case.
 * - `speech`: an utterance that the model answers; its `text`, to check the transcript. Default: it is not checked.
 * - `tool`: a tool, and a text upon which the model calls it; `output` is what the tool gives. Default: no tool is called.
 * - `disconnect`: loses the connections of all sessions, as a network does. Default: they are not lost.
 * - `failing`: the engine where it cannot work: its vendor refuses, a model is missing. Opening a session of it, or its events,
 *   must fail. Default: how it fails is not checked.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpeechToSpeechHarness extends PartSuite.PartHarness {
  readonly layer: Layer.Layer<SpeechToSpeech, BackendError>
  /** An utterance that the model answers. Without `text` its transcript is not checked. */
  readonly speech: Pick<Spoken, "pcm" | "sampleRate"> & { readonly text?: string | undefined }
  readonly tool?: {
    readonly tool: SpeechToSpeechTool
    /** What the user types, so that the model calls the tool. */
    readonly ask: string
    readonly output: string
  } | undefined
  readonly disconnect?: Effect.Effect<void> | undefined
  readonly failing?: Layer.Layer<SpeechToSpeech, BackendError> | undefined
}

/**
 * Makes the cases for a speech-to-speech engine.
 *
 * @category constructors
 * @since 0.1.0
 */
export const s2s = (harness: SpeechToSpeechHarness): ReadonlyArray<Case> =>
  PartSuite.cases(
    harness,
    SpeechToSpeechRows.rows,
    Effect.gen(function*() {
      const engine = Context.get(yield* Layer.build(harness.layer), SpeechToSpeech)
      return {
        engine,
        speech: yield* atRate(harness.speech, engine.inputSampleRate),
        text: harness.speech.text,
        tool: harness.tool,
        disconnect: harness.disconnect,
        failing: harness.failing
      }
    })
  )
