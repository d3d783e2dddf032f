/**
 * Text-to-speech by a voice of `sherpa-onnx-node`: VITS (Piper), Kokoro, Kitten or Matcha, from a folder or an archive of the
 * user's own.
 *
 * The voice runs in a process of its own, which all sessions share, one sentence at a time; what is cancelled ends after the
 * sentence that is being made. Most voices come with `espeak-ng-data`, which is under GPL-3.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type BackendError, InvalidConfig, PipelineError } from "../../BackendError.ts"
import { ModelLocation } from "../../models/ModelLocation.ts"
import { ModelStore } from "../../models/ModelStore.ts"
import { withDefault } from "../../schema/Defaults.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import * as SessionSpeech from "../../speech/SessionSpeech.ts"
import { type SpeechChunk, TextToSpeech } from "../../speech/TextToSpeech.ts"
import * as TtsModels from "./model/TtsModels.ts"
import type { Reply } from "./process/ChildProtocol.ts"
import * as SherpaProcess from "./process/SherpaProcess.ts"
import * as SherpaModel from "./SherpaModel.ts"
import * as SpokenPieces from "./SpokenPieces.ts"

/**
 * Options of the engine, with defaults and limits.
 *
 * - `model`: the path of the voice's folder, or `{ url, sha256 }` of its archive. Required.
 * - `model.url`: the `https:` address of a `.tar.bz2`, `.tar.gz`, `.tar.zst` or `.tar` archive. It is downloaded once.
 * - `model.sha256`: of the archive, 64 hexadecimal digits; it is checked before anything is unpacked.
 * - `language`: what it speaks, BCP 47. Required.
 * - `kind`: which kind of voice it is. Default: by its files.
 * - `files`: the names of its files by their part (`model`, `voices`, `tokens`, `vocoder`). Default: by their names.
 * - `vocoder`: of a Matcha voice: the path or `{ url, sha256 }` of its vocoder. Default: a file of the folder.
 * - `vocoder.url`: the `https:` address of the file. It is downloaded once.
 * - `vocoder.sha256`: of the file, 64 hexadecimal digits.
 * - `voice`: the number of the speaker, where a session asks for none. Default 0.
 * - `speed`: relative to the voice's own. Default 1, [0.5, 2].
 * - `threads`: per sentence. Default 1, [1, 16].
 *
 * @category models
 * @since 0.1.0
 */
export const SherpaTtsOptions = Schema.Struct({
  model: ModelLocation,
  language: SherpaModel.ModelLanguage,
  kind: Schema.optionalKey(Schema.Literals(TtsModels.kinds)),
  files: SherpaModel.Files,
  vocoder: Schema.optionalKey(ModelLocation),
  voice: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9_999 })).pipe(withDefault(0)),
  speed: Schema.Finite.check(Schema.isBetween({ minimum: 0.5, maximum: 2 })).pipe(withDefault(1)),
  threads: SherpaModel.count(16).pipe(withDefault(1))
})

/**
 * The decoded options.
 *
 * @category models
 * @since 0.1.0
 */
export type SherpaTtsOptions = typeof SherpaTtsOptions.Type

/** Pieces of 200 ms that are taken before they are asked for, across sentences: 2 s. */
const AHEAD = 10

const requestOf = (
  { files, kind, language }: SherpaTtsOptions,
  folder: string,
  vocoder: string | undefined
): TtsModels.TtsRequest => ({
  folder,
  kind,
  language: language === "auto" ? "" : SessionSpeech.primaryLanguage(language),
  files,
  vocoder
})

/** Speaks one piece of text in the process; ending the stream early cancels it there. */
const speakIn = (
  process: SherpaProcess.SherpaProcess,
  text: string,
  speaker: number,
  speed: number
): Stream.Stream<Int16Array, BackendError> =>
  Stream.callback<Int16Array, BackendError>(Effect.fnUntraced(function*(queue) {
    const onReply = (reply: Reply | PipelineError): void => {
      if (reply instanceof PipelineError) Queue.failCauseUnsafe(queue, Cause.fail(reply))
      else if (reply.type === "sound") Queue.offerUnsafe(queue, reply.pcm)
      else if (reply.type === "spoken") Queue.endUnsafe(queue)
      else if (reply.type === "failed") {
        Queue.failCauseUnsafe(
          queue,
          Cause.fail(
            new PipelineError({
              op: "TextToSpeech.speak",
              message: `sherpa failed to speak: ${reply.message}`,
              details: { engine: "sherpa" },
              retryable: true
            })
          )
        )
      }
    }
    const channel = yield* Effect.acquireRelease(process.open(onReply), (open) =>
      Effect.sync(() => {
        open.send({ type: "cancel", id: open.id })
        open.close()
      }))
    channel.send({ type: "speak", id: channel.id, text, speaker, speed })
  }))

const make = Effect.fnUntraced(function*(options: SherpaTtsOptions) {
  const store = yield* ModelStore
  const folder = yield* store.folder(options.model)
  const vocoder = options.vocoder === undefined ? undefined : yield* store.file(options.vocoder)
  const process = yield* SherpaProcess.make("sherpa", {
    task: "tts",
    request: requestOf(options, folder, vocoder),
    threads: options.threads,
    packageName: SherpaModel.PACKAGE
  })
  const { sampleRate, speakers } = process.loaded
  if (options.voice >= speakers) {
    return yield* new InvalidConfig({
      op: "EngineRegistry.layer",
      message: `engines.sherpa.tts.voice: the model has ${speakers} speakers, from 0 on, and no ${options.voice}`,
      details: { engine: "sherpa", speakers }
    })
  }

  const speak = (speaker: number) => (text: string): Stream.Stream<SpeechChunk, BackendError> =>
    Stream.fromIterable(SpokenPieces.split(text)).pipe(
      Stream.rechunk(1),
      Stream.flatMap((piece) => speakIn(process, piece, speaker, options.speed)),
      Stream.flatMap((pcm) => Stream.fromIterable(SpokenPieces.chunks(pcm, sampleRate))),
      Stream.mapAccum(() => text, (remaining: string, pcm) => ["", [{ pcm, text: remaining }]])
    )

  const service = TextToSpeech.of({
    name: "sherpa",
    sampleRate,
    probe: Stream.runDrain(speak(options.voice)("a")),
    capabilities: {
      voices: Array.from({ length: speakers }, (_, speaker) => String(speaker)),
      ...SherpaModel.languagesOf(options.language)
    },
    open: (session) => {
      const unsupported = SessionSpeech.check("TextToSpeech.open", session, { tts: service })
      if (unsupported !== undefined) return Effect.fail(unsupported)
      const speaker = session.voice === undefined ? options.voice : Number(session.voice)
      return Effect.succeed({
        speak: (sentences) =>
          sentences.pipe(
            Stream.rechunk(1),
            Stream.flatMap(speak(speaker)),
            Stream.buffer({ capacity: AHEAD })
          )
      })
    }
  })
  return service
})

/**
 * Provides `TextToSpeech` with these options and the defaults of the others; the voice comes from the `ModelStore`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Pick<SherpaTtsOptions, "model" | "language"> & Partial<SherpaTtsOptions>
): Layer.Layer<TextToSpeech, BackendError, ModelStore> => {
  const { language, model } = options
  return Layer.effect(
    TextToSpeech,
    Effect.flatMap(EngineRegistry.complete("sherpa", SherpaTtsOptions, options, { language, model }), make)
  )
}

/**
 * Registers as `sherpa`.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = EngineRegistry.define({
  kind: "tts",
  name: "sherpa",
  description: "Speech synthesis by a voice of your own, embedded (sherpa-onnx-node)",
  options: SherpaTtsOptions,
  layer: (options) => Layer.provide(layer(options), ModelStore.layer),
  check: (options) =>
    SherpaModel.check("tts", options.model, (folder) => {
      const { vocoder } = options
      TtsModels.find(requestOf(options, folder, typeof vocoder === "string" ? vocoder : undefined))
    })
})
