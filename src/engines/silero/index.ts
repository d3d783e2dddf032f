/**
 * Voice activity by Silero: the default detector.
 *
 * With `onnxruntime-node` one worker thread judges the windows of all sessions in batches: about 20 µs for 32 ms of audio
 * and 10 KB a session, and nothing where nothing is to be heard. Without it each session has a detector of
 * `sherpa-onnx-node` in its own thread: about 95 µs and 8 MB. Such a detector takes 40 ms to make, so those of closed
 * sessions are kept for the next ones.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { type BackendError, describe, PipelineError } from "../../BackendError.ts"
import { ModelStore } from "../../models/ModelStore.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import { TIMELINE_RATE, VoiceActivityDetector } from "../../speech/VoiceActivityDetector.ts"
import * as Sherpa from "../local/Sherpa.ts"
import { BatchedStream } from "./BatchedStream.ts"
import * as SileroStream from "./SileroStream.ts"
import * as SileroWorker from "./SileroWorker.ts"

/**
 * - `threshold`: the probability from which a window is speech; it ends 0.15 below. 0.5, [0.1, 0.95].
 * - `minSpeech`: so much speech makes a start, in windows of 32 ms. 64 ms, [0, 1 s].
 * - `minSilence`: so much silence makes a stop. 200 ms, [32 ms, 2 s].
 * - `mode`: `batched` in a worker for all sessions (needs `onnxruntime-node`), `inline` in each session's own thread (needs
 *   `sherpa-onnx-node`), or `auto`: batched if it can be. auto.
 * - `sampleRate`: at which the model listens in batches, 8000 or 16000 Hz: 16000 costs twice as much. 8000.
 *
 * @category models
 * @since 0.1.0
 */
export const SileroOptions = Schema.Struct({
  threshold: Schema.Finite.check(Schema.isBetween({ minimum: 0.1, maximum: 0.95 })).pipe(withDefault(0.5)),
  minSpeech: boundedDuration(0, "1 second").pipe(withDefault("64ms")),
  minSilence: boundedDuration("32 millis", "2 seconds").pipe(withDefault("200ms")),
  mode: Schema.Literals(["auto", "batched", "inline"]).pipe(withDefault("auto")),
  sampleRate: Schema.Literals([8_000, 16_000]).pipe(withDefault(8_000))
}).pipe(Schema.encodeKeys({ minSpeech: "min_speech", minSilence: "min_silence", sampleRate: "sample_rate" }))

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
/** The same for the model without the native detector around it, which begins a window later and ends two later. */
const BATCHED_LAG = SileroStream.WINDOW

/** Detectors of closed sessions that are kept, at 8 MB each. */
const KEPT = 16

const samples = (duration: Duration.Duration) => Math.round(Duration.toSeconds(duration) * TIMELINE_RATE)

/** Each session's detector in its own thread. */
const inline = Effect.fnUntraced(function*(options: SileroOptions, model: string) {
  const sherpa = yield* Sherpa.load("silero")
  const kept: Array<Sherpa.Vad> = []

  const create = Effect.try({
    try: () =>
      kept.pop() ?? new sherpa.Vad({
        sileroVad: {
          model,
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

/** All sessions' windows in one worker. */
const batched = Effect.fnUntraced(function*(options: SileroOptions, model: string) {
  const { batches, probe } = yield* SileroWorker.make({ model, rate: options.sampleRate })
  return VoiceActivityDetector.of({
    name: "silero",
    sampleRate: TIMELINE_RATE,
    probe,
    open: ({ onActivity }) =>
      Effect.acquireRelease(
        Effect.sync(() =>
          new BatchedStream(batches, {
            rate: options.sampleRate,
            threshold: options.threshold,
            minSpeech: samples(options.minSpeech),
            minSilence: samples(options.minSilence),
            onsetLag: BATCHED_LAG,
            offsetLag: BATCHED_LAG,
            onActivity
          })
        ),
        (stream) => Effect.sync(() => stream.close())
      )
  })
})

const make = Effect.fnUntraced(function*(options: SileroOptions) {
  const { files } = yield* (yield* ModelStore).ensure("silero-vad")
  const model = files["silero_vad.onnx"] ?? ""
  switch (options.mode) {
    case "inline":
      return yield* inline(options, model)
    case "batched":
      return yield* batched(options, model)
    case "auto":
      return yield* batched(options, model).pipe(
        Effect.tapError(({ details, message }) =>
          details?.["missing"] === undefined
            ? Effect.logWarning(`${message}: each session gets a detector of its own`)
            : Effect.logDebug(message)
        ),
        Effect.catch(() => inline(options, model))
      )
  }
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
