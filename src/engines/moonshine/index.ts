/**
 * Speech-to-text by Moonshine (through `sherpa-onnx-node`): the default recogniser. English only.
 *
 * All sessions of a layer share one recogniser of 340 to 700 MB: tiny needs 0.024 s of CPU per second of speech, base
 * 0.043. Decodes run on libuv's threads and never block the event loop.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Os from "node:os"
import { type BackendError, describe, PipelineError } from "../../BackendError.ts"
import { ModelStore } from "../../models/ModelStore.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import * as SessionSpeech from "../../speech/SessionSpeech.ts"
import { SpeechToText } from "../../speech/SpeechToText.ts"
import * as DecodeQueue from "../local/segments/DecodeQueue.ts"
import * as SegmentedStream from "../local/segments/SegmentedStream.ts"
import * as Sherpa from "../local/Sherpa.ts"

const count = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 1, maximum }))

/**
 * Options of the engine, with defaults and limits.
 *
 * - `model`: `tiny` (28 MB, word error rate 6.7 % on telephone prompts) or `base` (63 MB, 5.3 %, twice the CPU). Default
 *   `tiny`.
 * - `threads`: per decode. Default 1, [1, 16].
 * - `maxParallel`: concurrent decodes of all sessions. Default: the machine's cores less one, at least 1, [1, 64]. libuv
 *   has four threads unless `UV_THREADPOOL_SIZE` is set.
 * - `interim`: whether interim transcripts are produced. Default true.
 * - `interimInterval`: least speech between two interim transcripts; a long utterance has fewer. Default 500 ms,
 *   [100 ms, 10 s].
 *
 * @category models
 * @since 0.1.0
 */
export const MoonshineOptions = Schema.Struct({
  model: Schema.Literals(["tiny", "base"]).pipe(withDefault("tiny" as const)),
  threads: count(16).pipe(withDefault(1)),
  maxParallel: count(64).pipe(withDefault(Math.max(1, Os.availableParallelism() - 1))),
  interim: Schema.Boolean.pipe(withDefault(true)),
  interimInterval: boundedDuration("100 millis", "10 seconds").pipe(withDefault("500ms"))
}).pipe(encodeKeys({ maxParallel: "max_parallel", interimInterval: "interim_interval" }))

/**
 * The decoded options.
 *
 * @category models
 * @since 0.1.0
 */
export type MoonshineOptions = typeof MoonshineOptions.Type

const RATE = 16_000

/** From the end of an utterance to its transcript, time in the queue included; a decode takes 0.1 to 0.4 s. */
const DECODE_TIMEOUT = Duration.seconds(10)
/** Longer than the queue's timeout, whose error says more. */
const FINALIZE_TIMEOUT = Duration.seconds(11)

/** Of finals, and of interims: at 0.1 s each, more would time out anyway. */
const MAX_QUEUED = 64

const make = Effect.fnUntraced(function*(options: MoonshineOptions) {
  const sherpa = yield* Sherpa.load("moonshine")
  // Verified files only: a wrong tokens.txt crashes the process in native code.
  const { files } = yield* (yield* ModelStore).ensure(`moonshine-${options.model}-en`)

  const recognizer = yield* Effect.tryPromise({
    try: () =>
      sherpa.OfflineRecognizer.createAsync({
        featConfig: { sampleRate: RATE, featureDim: 80 },
        modelConfig: {
          moonshine: { encoder: files["encoder_model.onnx"], mergedDecoder: files["decoder_model_merged.onnx"] },
          tokens: files["tokens.txt"],
          numThreads: options.threads,
          provider: "cpu",
          debug: 0
        }
      }),
    catch: (cause) =>
      new PipelineError({
        op: "EngineRegistry.layer",
        message: `moonshine's model could not be loaded: ${describe(cause)}`,
        retryable: false,
        cause
      })
  })

  const decode: SegmentedStream.Recognizer["decode"] = (samples) =>
    Effect.tryPromise({
      try: () => {
        const stream = recognizer.createStream()
        stream.acceptWaveform({ sampleRate: RATE, samples })
        return recognizer.decodeAsync(stream)
      },
      catch: (cause) =>
        new PipelineError({
          op: "SpeechToText.decode",
          message: `moonshine failed to decode: ${describe(cause)}`,
          details: { engine: "moonshine" },
          retryable: true,
          cause
        })
    }).pipe(Effect.map((result) => result.text.trim()))

  const queue = yield* DecodeQueue.make({
    engine: "moonshine",
    parallel: options.maxParallel,
    maxQueued: MAX_QUEUED,
    timeout: DECODE_TIMEOUT
  })

  const service = SpeechToText.of({
    name: "moonshine",
    sampleRate: RATE,
    // a decode of silence that is queued as a final is, so that a full queue or a stuck decoder fails the probe
    probe: Effect.asVoid(queue.final(decode(new Float32Array(RATE / 10)))),
    backlogMs: queue.backlogMs,
    capabilities: { interim: options.interim, endOfTurn: false, languages: ["en"], language: "en" },
    finalizeTimeout: FINALIZE_TIMEOUT,
    open: (session) => {
      const unsupported = SessionSpeech.check("SpeechToText.open", session, { stt: service })
      if (unsupported !== undefined) return Effect.fail(unsupported)
      return SegmentedStream.make({
        engine: "moonshine",
        language: "en",
        recognizer: { decode },
        queue,
        busy: session.busy,
        interimInterval: options.interim ? Math.round(Duration.toSeconds(options.interimInterval) * RATE) : undefined
      })
    }
  })
  return service
})

/**
 * Provides `SpeechToText` with these options and the defaults of the others; the model comes from the `ModelStore`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Partial<MoonshineOptions>): Layer.Layer<SpeechToText, BackendError, ModelStore> =>
  Layer.effect(SpeechToText, Effect.flatMap(EngineRegistry.complete("moonshine", MoonshineOptions, options), make))

/**
 * Registers as `moonshine`.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = EngineRegistry.define({
  kind: "stt",
  name: "moonshine",
  description: "Moonshine speech recognition, embedded, English only (sherpa-onnx-node)",
  options: MoonshineOptions,
  layer: (options) => Layer.provide(layer(options), ModelStore.layer),
  check: () => Effect.asVoid(Sherpa.load("moonshine")),
  capabilities: { stt: { endOfTurn: false } }
})
