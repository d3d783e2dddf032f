/**
 * Speech-to-text by any model that `sherpa-onnx-node` decodes, from a folder or an archive of the user's own.
 *
 * A streaming model (zipformer, paraformer, NeMo, T-one) hears continuously: it has true interim words, and finds ends of turns
 * itself. Another (Whisper, SenseVoice, Parakeet, Canary, Moonshine, …) is given one utterance at a time. The model runs in a
 * process of its own, which all sessions share: the library blocks its thread while it decodes, and ends its process on a model
 * that it does not expect.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Os from "node:os"
import { type BackendError, PipelineError } from "../../BackendError.ts"
import { ModelLocation } from "../../models/ModelLocation.ts"
import { ModelStore } from "../../models/ModelStore.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import * as SessionSpeech from "../../speech/SessionSpeech.ts"
import { SpeechToText, type SpeechToTextStream } from "../../speech/SpeechToText.ts"
import * as DecodeQueue from "../local/segments/DecodeQueue.ts"
import * as SegmentedStream from "../local/segments/SegmentedStream.ts"
import * as ContinuousStream from "./ContinuousStream.ts"
import * as SttKinds from "./model/SttKinds.ts"
import * as SttModels from "./model/SttModels.ts"
import type { Reply } from "./process/ChildProtocol.ts"
import * as SherpaProcess from "./process/SherpaProcess.ts"
import * as SherpaModel from "./SherpaModel.ts"

/**
 * Options of the engine, with defaults and limits.
 *
 * - `model`: the path of the model's folder, or `{ url, sha256 }` of its archive. Required.
 * - `model.url`: the `https:` address of a `.tar.bz2`, `.tar.gz`, `.tar.zst` or `.tar` archive. It is downloaded once.
 * - `model.sha256`: of the archive, 64 hexadecimal digits; it is checked before anything is unpacked.
 * - `language`: what it recognises, BCP 47, or `auto` for a model of several languages that finds out. It is passed on to
 *   `whisper`, `sense-voice`, `canary` and `cohere-transcribe`. Required.
 * - `kind`: which kind of model it is. Default: by its files.
 * - `files`: the names of its files by their part (`encoder`, `decoder`, `joiner`, `model`, `tokens`), for a folder with several
 *   that fit. Default: by their names, int8 before other precisions.
 * - `threads`: per decode. Default 1, [1, 16].
 * - `maxParallel`: concurrent decodes of a model that does not stream. Default: the machine's cores less one, at least 1, [1, 64].
 * - `interim`: whether interim transcripts are produced. Default true.
 * - `interimInterval`: of a model that does not stream: least speech between two of them. Default 500 ms, [100 ms, 10 s].
 * - `endpointSilence`: of a streaming model: the silence after which words are final, and, with
 *   `turn_detection_provider: stt`, the turn is over. Default 800 ms, [200 ms, 5 s].
 *
 * @category models
 * @since 0.1.0
 */
export const SherpaSttOptions = Schema.Struct({
  model: ModelLocation,
  language: SherpaModel.ModelLanguage,
  kind: Schema.optionalKey(Schema.Literals(SttKinds.kinds)),
  files: SherpaModel.Files,
  threads: SherpaModel.count(16).pipe(withDefault(1)),
  maxParallel: SherpaModel.count(64).pipe(withDefault(Math.max(1, Os.availableParallelism() - 1))),
  interim: Schema.Boolean.pipe(withDefault(true)),
  interimInterval: boundedDuration("100 millis", "10 seconds").pipe(withDefault("500ms")),
  endpointSilence: boundedDuration("200 millis", "5 seconds").pipe(withDefault("800ms"))
}).pipe(encodeKeys({
  maxParallel: "max_parallel",
  interimInterval: "interim_interval",
  endpointSilence: "endpoint_silence"
}))

/**
 * The decoded options.
 *
 * @category models
 * @since 0.1.0
 */
export type SherpaSttOptions = typeof SherpaSttOptions.Type

const RATE = 16_000

/** From the end of an utterance to its transcript, time in the queue included. Whisper takes 2 s for any utterance. */
const DECODE_TIMEOUT = Duration.seconds(20)
/** Longer than the queue's timeout, whose error says more. */
const FINALIZE_TIMEOUT = Duration.seconds(21)
const MAX_QUEUED = 64

const requestOf = ({ files, kind, language }: SherpaSttOptions, folder: string): SttModels.SttRequest => ({
  folder,
  kind,
  language: language === "auto" ? language : SessionSpeech.primaryLanguage(language),
  files
})

/** Decodes an utterance in the process. */
const decodeIn = (process: SherpaProcess.SherpaProcess): SegmentedStream.Recognizer["decode"] =>
  Effect.fnUntraced(function*(samples) {
    const result = Deferred.makeUnsafe<string, BackendError>()
    const channel = yield* Effect.acquireRelease(
      process.open((reply) => {
        Deferred.doneUnsafe(result, replied(reply))
      }),
      ({ close }) => Effect.sync(close)
    )
    channel.send({ type: "decode", id: channel.id, samples })
    return yield* Deferred.await(result)
  }, Effect.scoped)

const replied = (reply: Reply | PipelineError): Exit.Exit<string, BackendError> => {
  if (reply instanceof PipelineError) return Exit.fail(reply)
  if (reply.type === "text") return Exit.succeed(reply.text)
  const message = `sherpa failed to decode: ${reply.type === "failed" ? reply.message : reply.type}`
  return Exit.fail(
    new PipelineError({ op: "SpeechToText.decode", message, details: { engine: "sherpa" }, retryable: true })
  )
}

/** Whether a stream answers; some silence is decoded. */
const probeOf = <E>(open: Effect.Effect<SpeechToTextStream, E, Scope.Scope>) =>
  Effect.gen(function*() {
    const stream = yield* open
    stream.push(new Int16Array(RATE / 10))
    stream.finalize(1, RATE / 10)
    yield* stream.events.pipe(Stream.filter(({ _tag }) => _tag === "Finalized"), Stream.runHead)
  }).pipe(Effect.scoped)

const make = Effect.fnUntraced(function*(options: SherpaSttOptions) {
  const folder = yield* (yield* ModelStore).folder(options.model)
  const process = yield* SherpaProcess.make("sherpa", {
    task: "stt",
    request: requestOf(options, folder),
    threads: options.threads,
    endpointSilence: Duration.toSeconds(options.endpointSilence),
    packageName: SherpaModel.PACKAGE
  })
  const { streaming } = process.loaded
  const language = options.language === "auto" ? undefined : options.language
  const decode = decodeIn(process)
  const queue = yield* DecodeQueue.make({
    engine: "sherpa",
    parallel: options.maxParallel,
    maxQueued: MAX_QUEUED,
    timeout: DECODE_TIMEOUT
  })
  const openStream = (busy: (() => boolean) | undefined) =>
    streaming
      ? ContinuousStream.make({ engine: "sherpa", process, language, interim: options.interim })
      : SegmentedStream.make({
        engine: "sherpa",
        language,
        recognizer: { decode },
        queue,
        busy,
        interimInterval: options.interim ? Math.round(Duration.toSeconds(options.interimInterval) * RATE) : undefined
      })

  const service = SpeechToText.of({
    name: "sherpa",
    sampleRate: RATE,
    probe: streaming ? probeOf(openStream(undefined)) : Effect.asVoid(queue.final(decode(new Float32Array(RATE / 10)))),
    backlogMs: queue.backlogMs,
    capabilities: { interim: options.interim, endOfTurn: streaming, ...SherpaModel.languagesOf(options.language) },
    finalizeTimeout: FINALIZE_TIMEOUT,
    open: (session) => {
      const unsupported = SessionSpeech.check("SpeechToText.open", session, { stt: service })
      if (unsupported !== undefined) return Effect.fail(unsupported)
      return openStream(session.busy)
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
export const layer = (
  options: Pick<SherpaSttOptions, "model" | "language"> & Partial<SherpaSttOptions>
): Layer.Layer<SpeechToText, BackendError, ModelStore> => {
  const { language, model } = options
  return Layer.effect(
    SpeechToText,
    Effect.flatMap(EngineRegistry.complete("sherpa", SherpaSttOptions, options, { language, model }), make)
  )
}

/**
 * Registers as `sherpa`.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = EngineRegistry.define({
  kind: "stt",
  name: "sherpa",
  description: "Speech recognition by a model of your own, embedded (sherpa-onnx-node)",
  options: SherpaSttOptions,
  layer: (options) => Layer.provide(layer(options), ModelStore.layer),
  check: (options) => SherpaModel.check("stt", options.model, (folder) => SttModels.find(requestOf(options, folder)))
})
