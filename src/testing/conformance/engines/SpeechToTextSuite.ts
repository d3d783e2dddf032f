/**
 * The suite of speech-to-text engines: what `SpeechToText` promises.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { BackendError } from "../../../BackendError.ts"
import { SpeechToText } from "../../../speech/SpeechToText.ts"
import type { Case } from "../Case.ts"
import * as PartSuite from "../PartSuite.ts"
import * as LifeRows from "./SpeechToTextLifeRows.ts"
import * as WordRows from "./SpeechToTextWordRows.ts"
import { atRate, type Spoken } from "./TestAudio.ts"

/**
 * The speech-to-text engine under test.
 *
 * - `layer`: the engine; it is built for each case. Of one that is expensive to build, give `Layer.succeed(SpeechToText, engine)`.
 * - `speech`: at least two utterances of different words that the engine understands.
 * - `wordErrors`: the share of words that it may hear wrong. Default: 0.
 * - `failing`: the engine where it cannot work: its vendor refuses, a model is missing. Opening a stream of it, or the events of
 *   the stream, must fail. Default: how it fails is not checked.
 * - `hour`: whether it is given an hour of audio. Default: only with `provideTime`, because it may take long.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpeechToTextHarness extends PartSuite.PartHarness {
  readonly layer: Layer.Layer<SpeechToText, BackendError>
  readonly speech: readonly [Spoken, Spoken, ...ReadonlyArray<Spoken>]
  /** The share of words that it may hear wrong, 0 to 1. Default: 0. */
  readonly wordErrors?: number | undefined
  readonly failing?: Layer.Layer<SpeechToText, BackendError> | undefined
  readonly hour?: boolean | undefined
}

/**
 * Makes the cases for a speech-to-text engine.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stt = (harness: SpeechToTextHarness): ReadonlyArray<Case> =>
  PartSuite.cases(
    harness,
    [...WordRows.rows, ...LifeRows.rows],
    Effect.gen(function*() {
      const engine = Context.get(yield* Layer.build(harness.layer), SpeechToText)
      return {
        engine,
        speech: yield* Effect.forEach(
          harness.speech,
          (spoken) => Effect.map(atRate(spoken, engine.sampleRate), (pcm) => ({ pcm, text: spoken.text }))
        ),
        wordErrors: harness.wordErrors ?? 0,
        failing: harness.failing,
        hour: harness.hour ?? harness.provideTime !== undefined,
        finalizeTimeout: engine.finalizeTimeout ?? Duration.seconds(3)
      }
    })
  )
