/**
 * Text-to-speech by hibari, a small neural voice, in a worker thread: the default voice.
 *
 * English, 24 kHz; knows when each word is said. About 20 ms of CPU per second of speech with `onnxruntime-node`, three times
 * that with `onnxruntime-web`. All sessions share one worker, take turns at it every 200 ms of speech, and are cancelled as fast.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { type BackendError, InvalidConfig } from "../../BackendError.ts"
import { packageFile } from "../../ExternalPackage.ts"
import { withDefault } from "../../schema/Defaults.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import { TextToSpeech } from "../../speech/TextToSpeech.ts"
import * as InstalledRuntime from "../local/InstalledRuntime.ts"
import * as OnnxRuntime from "../local/OnnxRuntime.ts"
import { type VoiceName, voices } from "./ModelFiles.ts"
import * as VoiceService from "./VoiceService.ts"
import * as VoiceThread from "./worker/VoiceThread.ts"

const names = Object.keys(voices) as ReadonlyArray<VoiceName>

/**
 * Options of the engine, with defaults and limits.
 *
 * - `voice`: `heart` (American, female), which comes with the package; `kore` (American, female), `fenrir` (American, male),
 *   `emma` (British, female), `fable` (British, male), which need `file`. Default `heart`.
 * - `file`: the path of the voice's network, `<voice>.int8.onnx` of `maureesewilliams/hibari`; it must have the SHA-256 that is
 *   known for the voice. Default: the file of `heart`.
 * - `accent`: the rules that text is read by, `us` or `gb`. Default: the voice's own; a voice is hard to understand with the
 *   other (`heart` with British rules: 12 % of words misheard).
 * - `speed`: relative to the voice's own. Default 1, [0.5, 2].
 * - `level`: the gain, in dB; 6 brings speech to -19 dBFS, 4 suits telephones. Default 6, [0, 12]. Peaks are bent below full
 *   scale.
 *
 * @category models
 * @since 0.1.0
 */
export const HibariOptions = Schema.Struct({
  voice: Schema.Literals(names).pipe(withDefault("heart" as const)),
  file: Schema.optionalKey(Schema.NonEmptyString),
  accent: Schema.optionalKey(Schema.Literals(["us", "gb"])),
  speed: Schema.Finite.check(Schema.isBetween({ minimum: 0.5, maximum: 2 })).pipe(withDefault(1)),
  level: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 12 })).pipe(withDefault(6))
})

/**
 * The decoded options.
 *
 * @category models
 * @since 0.1.0
 */
export type HibariOptions = typeof HibariOptions.Type

const modelFile = (name: string): string =>
  fileURLToPath(packageFile(import.meta.url, `./model/${name}`, `engines/hibari/model/${name}`))

const missingFile = (voice: VoiceName, message: string) =>
  new InvalidConfig({
    op: "EngineRegistry.layer",
    message: `engines.hibari: ${message}`,
    details: { engine: "hibari", missing: voices[voice].file }
  })

/** The path of the voice's network. Its content is checked by the worker. */
const voicePath = ({ file, voice }: HibariOptions): Effect.Effect<string, InvalidConfig> => {
  if (file === undefined && voice !== "heart") {
    const { file: name, sha256 } = voices[voice]
    return Effect.fail(
      missingFile(
        voice,
        `the voice ${voice} is not part of the package: set file to the path of ${name} (SHA-256 ${sha256})`
      )
    )
  }
  const path = file ?? modelFile(voices.heart.file)
  return existsSync(path) ? Effect.succeed(path) : Effect.fail(missingFile(voice, `there is no file ${path}`))
}

const make = Effect.fnUntraced(function*(options: HibariOptions) {
  const { voice } = options
  const accent = options.accent ?? voices[voice].accent
  const thread = yield* VoiceThread.make({
    worker: {
      directory: fileURLToPath(
        new URL(".", packageFile(import.meta.url, "./model/vocab.json", "engines/hibari/model/vocab.json"))
      ),
      voices: [{ path: yield* voicePath(options), sha256: voices[voice].sha256, accent }],
      runtimes: OnnxRuntime.PACKAGES
    }
  })
  return VoiceService.make({
    thread,
    voices: [{ name: voice, accent }],
    speed: options.speed,
    gain: 10 ** (options.level / 20)
  })
})

/**
 * Provides `TextToSpeech` with these options and the defaults of the others. Loading takes 1 to 2 s and 200 MB.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Partial<HibariOptions>): Layer.Layer<TextToSpeech, BackendError> =>
  Layer.effect(TextToSpeech, Effect.flatMap(EngineRegistry.complete("hibari", HibariOptions, options), make))

/**
 * Registers as `hibari`.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = EngineRegistry.define({
  kind: "tts",
  name: "hibari",
  description: "Hibari neural speech synthesis, embedded, English only (ONNX)",
  options: HibariOptions,
  layer,
  check: (options) => Effect.andThen(InstalledRuntime.check("hibari"), Effect.asVoid(voicePath(options)))
})
