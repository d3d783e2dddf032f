/**
 * Voice activity detection by Silero: the default detector.
 *
 * With `onnxruntime-node` one worker thread classifies the windows of all sessions in batches: about 20 µs of CPU for 32 ms
 * of audio (none during silence) and 10 KB per session. Without it each session has a detector of `sherpa-onnx-node` in its
 * own thread: about 95 µs and 8 MB. Where that is missing too, the worker runs on WebAssembly: 100 µs in large batches, 0.6 ms
 * for a single session, and 180 MB more. Such a detector takes 40 ms to create, so those of closed sessions are reused.
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
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import { TIMELINE_RATE, VoiceActivityDetector } from "../../speech/VoiceActivityDetector.ts"
import * as OnnxRuntime from "../local/OnnxRuntime.ts"
import * as Sherpa from "../local/Sherpa.ts"
import { BatchedStream } from "./BatchedStream.ts"
import * as SileroStream from "./SileroStream.ts"
import * as SileroWorker from "./SileroWorker.ts"

/**
 * Options of the engine, with defaults and limits.
 *
 * - `threshold`: the probability that starts speech; speech ends 0.15 below it. Default 0.5, [0.1, 0.95].
 * - `minSpeech`: how much uninterrupted speech starts a speech segment, in windows of 32 ms. Default 64 ms, [0, 1 s].
 * - `minSilence`: how much uninterrupted silence ends it. Default 200 ms, [32 ms, 2 s].
 * - `mode`: `batched` in one worker for all sessions (on `onnxruntime-node`, else on WebAssembly), `inline` in each session's own
 *   thread (needs `sherpa-onnx-node`), or `auto`: batched where `onnxruntime-node` is installed, else inline. Default `auto`.
 * - `sampleRate`: of the batched model, 8000 or 16000 Hz; 16000 costs twice as much CPU. Default 8000.
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
}).pipe(encodeKeys({ minSpeech: "min_speech", minSilence: "min_silence", sampleRate: "sample_rate" }))

/**
 * The decoded options.
 *
 * @category models
 * @since 0.1.0
 */
export type SileroOptions = typeof SileroOptions.Type

/**
 * How late the inline detector reports the start and the end of speech, in samples: the medians over the recordings in
 * `test/fixtures`, compared with their energy. At the start it is one window later than the model, because the native
 * detector needs two windows.
 */
const ONSET_LAG = 3 * SileroStream.WINDOW
const OFFSET_LAG = 3 * SileroStream.WINDOW
/** The same for the batched model, which runs without the native detector. */
const BATCHED_LAG = SileroStream.WINDOW

/** The most detectors of closed sessions that are reusable for reuse, 8 MB each. */
const MAX_REUSABLE = 16

const samples = (duration: Duration.Duration) => Math.round(Duration.toSeconds(duration) * TIMELINE_RATE)

/** One detector per session, in the session's thread. */
const inline = Effect.fnUntraced(function*(options: SileroOptions, model: string) {
  const sherpa = yield* Sherpa.load("silero")
  const reusable: Array<Sherpa.Vad> = []

  const create = Effect.try({
    try: () =>
      reusable.pop() ?? new sherpa.Vad({
        sileroVad: {
          model,
          threshold: options.threshold,
          // As short as possible (0 would mean the default), because VadHysteresis does this.
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
        message: `silero's detector could not be created: ${describe(cause)}`,
        retryable: false,
        cause
      })
  })

  const recycle = (vad: Sherpa.Vad) =>
    Effect.sync(() => {
      if (reusable.length >= MAX_REUSABLE) return
      vad.reset()
      reusable.push(vad)
    })

  // Creates one now, so that a bad model file fails the layer and not the first session.
  yield* Effect.flatMap(create, recycle)

  return VoiceActivityDetector.of({
    name: "silero",
    sampleRate: TIMELINE_RATE,
    probe: Effect.scoped(Effect.asVoid(Effect.acquireRelease(create, recycle))),
    open: ({ onActivity }) =>
      Effect.map(Effect.acquireRelease(create, recycle), (vad) =>
        SileroStream.make(vad, {
          // The native detector reports speech one window late.
          minSpeech: samples(options.minSpeech) - SileroStream.WINDOW,
          minSilence: samples(options.minSilence),
          onsetLag: ONSET_LAG,
          offsetLag: OFFSET_LAG,
          onActivity
        }))
  })
})

const NATIVE = "onnxruntime-node"

/** One worker for the windows of all sessions. */
const batched = Effect.fnUntraced(function*(options: SileroOptions, model: string, packages: ReadonlyArray<string>) {
  const { batches, probe } = yield* SileroWorker.make({ model, rate: options.sampleRate, packages })
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
      return yield* batched(options, model, OnnxRuntime.PACKAGES)
    case "auto":
      return yield* batched(options, model, [NATIVE]).pipe(
        Effect.tapError(({ details, message }) =>
          details?.["missing"] === undefined
            ? Effect.logWarning(`${message}; falling back to one detector per session`)
            : Effect.logDebug(message)
        ),
        Effect.catch(() => inline(options, model)),
        // its error says what to install
        Effect.catch((error) => Effect.mapError(batched(options, model, [OnnxRuntime.WEB]), () => error))
      )
  }
})

/**
 * Provides `VoiceActivityDetector` with these options and the defaults of the others; the model comes from the
 * `ModelStore`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Partial<SileroOptions>): Layer.Layer<VoiceActivityDetector, BackendError, ModelStore> =>
  Layer.effect(VoiceActivityDetector, Effect.flatMap(EngineRegistry.complete("silero", SileroOptions, options), make))

/**
 * Registers as `silero`.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = EngineRegistry.define({
  kind: "vad",
  name: "silero",
  description: "Silero voice activity detection, embedded (sherpa-onnx-node)",
  options: SileroOptions,
  layer: (options) => Layer.provide(layer(options), ModelStore.layer),
  // in mode `batched` the package is loaded by a worker, which says so at once
  check: ({ mode }) => mode === "batched" ? Effect.void : Effect.asVoid(Sherpa.load("silero"))
})
