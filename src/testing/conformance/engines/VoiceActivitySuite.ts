/**
 * The suite of voice activity detectors: what `VoiceActivityDetector` promises.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { BackendError } from "../../../BackendError.ts"
import { VoiceActivityDetector } from "../../../speech/VoiceActivityDetector.ts"
import type { Case } from "../Case.ts"
import * as PartSuite from "../PartSuite.ts"
import { atRate, type Spoken } from "./TestAudio.ts"
import * as VoiceActivityRows from "./VoiceActivityRows.ts"

/**
 * The voice activity detector under test.
 *
 * - `layer`: the detector; it is built for each case.
 * - `speech`: an utterance of at least half a second, without pauses longer than 300 ms.
 * - `failing`: the detector where it cannot work: opening a stream of it must fail. Default: how it fails is not checked.
 * - `toleranceMs`: how far a change may be from where the utterance begins and ends. Default: 400.
 *
 * @category models
 * @since 0.1.0
 */
export interface VoiceActivityHarness extends PartSuite.PartHarness {
  readonly layer: Layer.Layer<VoiceActivityDetector, BackendError>
  readonly speech: Pick<Spoken, "pcm" | "sampleRate">
  /** The detector where it cannot work. Default: how it fails is not checked. */
  readonly failing?: Layer.Layer<VoiceActivityDetector, BackendError> | undefined
  /** How far a change may be from where speech begins and ends, in ms. Default: 400. */
  readonly toleranceMs?: number | undefined
}

/**
 * Makes the cases for a voice activity detector.
 *
 * @category constructors
 * @since 0.1.0
 */
export const vad = (harness: VoiceActivityHarness): ReadonlyArray<Case> =>
  PartSuite.cases(
    harness,
    VoiceActivityRows.rows,
    Effect.gen(function*() {
      const engine = Context.get(yield* Layer.build(harness.layer), VoiceActivityDetector)
      return {
        engine,
        speech: yield* atRate(harness.speech, engine.sampleRate),
        failing: harness.failing,
        toleranceMs: harness.toleranceMs ?? 400
      }
    })
  )
