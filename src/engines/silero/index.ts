/**
 * Voice activity by Silero (through `sherpa-onnx-node`): the default detector.
 *
 * Runs in the session's thread, about 95 µs for 32 ms of audio and 8 MB a session. A detector takes 40 ms to make, so
 * those of closed sessions are kept for the next ones.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { type BackendError, describe, PipelineError } from "../../BackendError.ts"
import { boundedDuration, withDefault } from "../../conversation/ConversationPolicy.ts"
import { ModelStore } from "../../models/ModelStore.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import { TIMELINE_RATE, VoiceActivityDetector } from "../../speech/VoiceActivityDetector.ts"
import * as Sherpa from "../Sherpa.ts"
import * as SileroStream from "./SileroStream.ts"

/**
 * - `threshold`: the probability from which a window is speech; it ends 0.15 below. 0.5, [0.1, 0.95].
 * - `minSpeech`: so much speech makes a start, in windows of 32 ms. 64 ms, [0, 1 s].
 * - `minSilence`: so much silence makes a stop. 200 ms, [32 ms, 2 s].
 *
 * @category models
 * @since 0.1.0
 */
export const SileroOptions = Schema.Struct({
  threshold: Schema.Finite.check(Schema.isBetween({ minimum: 0.1, maximum: 0.95 })).pipe(withDefault(0.5)),
  minSpeech: boundedDuration(0, "1 second").pipe(withDefault("64ms")),
  minSilence: boundedDuration("32 millis", "2 seconds").pipe(withDefault("200ms"))
}).pipe(Schema.encodeKeys({ minSpeech: "min_speech", minSilence: "min_silence" }))

/**
 * @category models
 * @since 0.1.0
 */
export type SileroOptions = typeof SileroOptions.Type

/**
 * How late the model notices an onset and an end, in samples: the medians over the recordings in `test/fixtures` against
 * their energy. The first window of an onset is one more late, because the native detector wants two.
 */
const ONSET_LAG = 3 * SileroStream.WINDOW
const OFFSET_LAG = 3 * SileroStream.WINDOW

/** Detectors of closed sessions that are kept, at 8 MB each. */
const KEPT = 16

const samples = (duration: Duration.Duration) => Math.round(Duration.toSeconds(duration) * TIMELINE_RATE)

const make = Effect.fnUntraced(function*(options: SileroOptions) {
  const sherpa = yield* Sherpa.load("silero")
  const { files } = yield* (yield* ModelStore).ensure("silero-vad")
  const kept: Array<Sherpa.Vad> = []

  const create = Effect.try({
    try: () =>
      kept.pop() ?? new sherpa.Vad({
        sileroVad: {
          model: files["silero_vad.onnx"],
          threshold: options.threshold,
          // As short as can be (0 would mean the default): the hysteresis is ours.
          minSilenceDuration: 0.001,
          minSpeechDuration: 0.001,
          maxSpeechDuration: 1_000,
          windowSize: SileroStream.WINDOW
        },
        sampleRate: TIMELINE_RATE,
        numThreads: 1,
        provider: "cpu",
        debug: 0
      }, 1),
    catch: (cause) =>
      new PipelineError({
        op: "VoiceActivityDetector.open",
        message: `silero could not be started: ${describe(cause)}`,
        retryable: false,
        cause
      })
  })

  const recycle = (vad: Sherpa.Vad) =>
    Effect.sync(() => {
      if (kept.length >= KEPT) return
      vad.reset()
      kept.push(vad)
    })

  // Made here so that a bad model fails the layer and not the first session.
  yield* Effect.flatMap(create, recycle)

  return VoiceActivityDetector.of({
    name: "silero",
    sampleRate: TIMELINE_RATE,
    probe: Effect.scoped(Effect.asVoid(Effect.acquireRelease(create, recycle))),
    open: ({ onActivity }) =>
      Effect.map(Effect.acquireRelease(create, recycle), (vad) =>
        SileroStream.make(vad, {
          // The native detector has eaten the first window of speech.
          minSpeech: samples(options.minSpeech) - SileroStream.WINDOW,
          minSilence: samples(options.minSilence),
          onsetLag: ONSET_LAG,
          offsetLag: OFFSET_LAG,
          onActivity
        }))
  })
})

/**
 * The detector with these options, and the defaults for the others; its model comes from the `ModelStore`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Partial<SileroOptions>): Layer.Layer<VoiceActivityDetector, BackendError, ModelStore> =>
  Layer.effect(VoiceActivityDetector, Effect.flatMap(EngineRegistry.complete("silero", SileroOptions, options), make))

/**
 * `silero` by name.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = EngineRegistry.define({
  kind: "vad",
  name: "silero",
  description: "Silero voice activity detection, embedded (sherpa-onnx-node)",
  options: SileroOptions,
  layer: (options) => Layer.provide(layer(options), ModelStore.layer)
})
