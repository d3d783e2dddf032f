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
import { fileURLToPath } from "node:url"
import type { BackendError } from "../../BackendError.ts"
import { packageFile } from "../../ExternalPackage.ts"
import { ModelLocation } from "../../models/ModelLocation.ts"
import { withDefault } from "../../schema/Defaults.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import { TextToSpeech } from "../../speech/TextToSpeech.ts"
import * as InstalledRuntime from "../local/InstalledRuntime.ts"
import * as OnnxRuntime from "../local/OnnxRuntime.ts"
import * as VoiceModels from "./VoiceModels.ts"
import * as VoiceService from "./VoiceService.ts"
import * as VoiceThread from "./worker/VoiceThread.ts"

const Name = Schema.NonEmptyString.check(Schema.isMaxLength(64))
const Accent = Schema.Literals(["us", "gb"])
/** Each network takes about 40 MB. */
const MAX_MORE_VOICES = 7

/**
 * Options of the engine, with defaults and limits.
 *
 * - `voice`: `heart` (American, female), which comes with the package; `kore` (American, female), `fenrir` (American, male),
 *   `emma` (British, female), `fable` (British, male), which need `model`; or a name of your own for another model. Default
 *   `heart`.
 * - `model`: the voice's network: a path, or `{ url, sha256 }`, which is fetched once and kept. A path of a known voice must have
 *   the SHA-256 that is known for it (`<voice>.int8.onnx` of `maureesewilliams/hibari`). Any other model must have the
 *   inputs and outputs of these. Default: that of `heart`.
 * - `model.url`: the address of the network, `https:`, or `http:` on this machine.
 * - `model.sha256`: the SHA-256 of what is there, in lower-case hex.
 * - `accent`: the rules that text is read by, `us` or `gb`. Default: the voice's own, `us` for one that is not known; a voice is
 *   hard to understand with the other (`heart` with British rules: 18 % of words misheard).
 * - `voices`: more voices that a session may ask for, by name, each with its `model` and `accent`; at most 7. A session that asks
 *   for `en-GB` or `en-US` and no voice gets the first one of that accent. All are loaded at the start, the same file once.
 * - `voices.model`: the network of that voice, as `model`.
 * - `voices.model.url`: its address.
 * - `voices.model.sha256`: the SHA-256 of what is there.
 * - `voices.accent`: the rules that text is read by with that voice, as `accent`.
 * - `speed`: relative to the voice's own. Default 1, [0.5, 2].
 * - `level`: the gain, in dB; 6 brings speech to -19 dBFS, 4 suits telephones. Default 6, [0, 12]. Peaks are bent below full
 *   scale.
 *
 * @category models
 * @since 0.1.0
 */
export const HibariOptions = Schema.Struct({
  voice: Name.pipe(withDefault("heart")),
  model: Schema.optionalKey(ModelLocation),
  accent: Schema.optionalKey(Accent),
  voices: Schema.Record(
    Name,
    Schema.Struct({ model: Schema.optionalKey(ModelLocation), accent: Schema.optionalKey(Accent) })
  ).check(Schema.isMaxProperties(MAX_MORE_VOICES)).pipe(withDefault({})),
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

/** The voices, the engine's own first. */
const namedVoices = ({ accent, model, voice, voices }: HibariOptions): ReadonlyArray<VoiceModels.NamedVoice> => [
  { name: voice, model, accent },
  ...Object.entries(voices).flatMap(([name, more]) => name === voice ? [] : [{ name, ...more }])
]

const make = Effect.fnUntraced(function*(options: HibariOptions) {
  const named = namedVoices(options)
  const voices = yield* Effect.forEach(named, VoiceModels.resolve)
  const thread = yield* VoiceThread.make({
    worker: {
      directory: fileURLToPath(
        new URL(".", packageFile(import.meta.url, "./model/vocab.json", "engines/hibari/model/vocab.json"))
      ),
      voices,
      runtimes: OnnxRuntime.PACKAGES
    }
  })
  return VoiceService.make({
    thread,
    voices: voices.map(({ accent }, i) => ({ name: named[i]?.name ?? "", accent })),
    speed: options.speed,
    gain: 10 ** (options.level / 20)
  })
})

/**
 * Provides `TextToSpeech` with these options and the defaults of the others. Loading takes 1 to 2 s and 200 MB. What is at an
 * address comes from the `ModelStore`, where there is one, else from the user's cache.
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
  check: (options) =>
    Effect.andThen(
      InstalledRuntime.check("hibari"),
      Effect.forEach(namedVoices(options), VoiceModels.check, { discard: true })
    )
})
