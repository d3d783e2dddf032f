/**
 * The built-in speech engines by kind and name. Each is loaded when a config first names it, so that a backend needs only the
 * packages of the engines that it uses.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { describe, InvalidConfig } from "../BackendError.ts"
import type { EngineDefinition, EngineKind, EngineLoader, EngineTable } from "../speech/EngineRegistry.ts"

/**
 * Turns a dynamic import into a loader: a file or package that is missing fails `invalid_config` with
 * `details.missing`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load = <Kind extends EngineKind>(
  name: string,
  module: () => Promise<{ readonly definition: EngineDefinition<Kind> }>
): EngineLoader<Kind> =>
  Effect.tryPromise({
    try: module,
    catch: (cause) =>
      new InvalidConfig({
        op: "EngineRegistry.load",
        message: `cannot load the engine ${name}: ${describe(cause)}`,
        details: { missing: name },
        cause
      })
  }).pipe(Effect.map((module) => module.definition))

/**
 * The loader of `cascade`, whose parts are engines of a table.
 *
 * @category constructors
 * @since 0.1.0
 */
export const cascadeOf = (parts: Pick<EngineTable, "stt" | "tts">): EngineLoader<"s2s"> =>
  Effect.flatMap(
    Effect.promise(() => import("./Cascade.ts")),
    (module) => Effect.sync(() => module.definition(parts))
  )

/**
 * The engines that come with the package.
 *
 * @category tables
 * @since 0.1.0
 */
export const engines: EngineTable = {
  stt: {
    moonshine: load("moonshine", () => import("../engines/moonshine/index.ts")),
    sherpa: load("sherpa", () => import("../engines/sherpa/SpeechToText.ts")),
    deepgram: load("deepgram", () => import("../engines/deepgram/SpeechToText.ts")),
    openai: load("openai", () => import("../engines/openai/SpeechToText.ts")),
    elevenlabs: load("elevenlabs", () => import("../engines/elevenlabs/SpeechToText.ts")),
    assemblyai: load("assemblyai", () => import("../engines/assemblyai/index.ts"))
  },
  tts: {
    hibari: load("hibari", () => import("../engines/hibari/index.ts")),
    flite: load("flite", () => import("../engines/flite/index.ts")),
    sherpa: load("sherpa", () => import("../engines/sherpa/TextToSpeech.ts")),
    elevenlabs: load("elevenlabs", () => import("../engines/elevenlabs/TextToSpeech.ts")),
    cartesia: load("cartesia", () => import("../engines/cartesia/TextToSpeech.ts")),
    deepgram: load("deepgram", () => import("../engines/deepgram/TextToSpeech.ts")),
    openai: load("openai", () => import("../engines/openai/TextToSpeech.ts"))
  },
  s2s: {
    pipecat: load("pipecat", () => import("../engines/pipecat/index.ts")),
    cascade: Effect.suspend(() => cascadeOf(engines)),
    openai: load("openai", () => import("../engines/openai/SpeechToSpeech.ts")),
    gemini: load("gemini", () => import("../engines/gemini/index.ts"))
  },
  vad: {
    silero: load("silero", () => import("../engines/silero/index.ts")),
    energy: load("energy", () => import("../engines/energy/index.ts"))
  },
  turn: {
    "smart-turn": load("smart-turn", () => import("../engines/smart-turn/index.ts")),
    text: load("text", () => import("../engines/text/index.ts"))
  },
  noise: { rnnoise: load("rnnoise", () => import("../engines/rnnoise/index.ts")) },
  echo: { aec3: load("aec3", () => import("../engines/aec3/index.ts")) },
  llm: {
    "openai-compatible": load("openai-compatible", () => import("../engines/openai-compatible/index.ts")),
    anthropic: load("anthropic", () => import("../engines/anthropic/index.ts")),
    google: load("google", () => import("../engines/google/index.ts"))
  }
}
