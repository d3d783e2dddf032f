/**
 * The scripted engines and processors under the names by which configs of the suite refer to them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { ConnectionFailed } from "../../BackendError.ts"
import * as AudioProcessor from "../../hooks/AudioProcessor.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import { NoiseSuppressor } from "../../speech/NoiseSuppressor.ts"
import { TurnDetector } from "../../speech/TurnDetector.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"
import * as ScriptedEngines from "../scripted/ScriptedEngines.ts"
import * as ScriptedLanguageModel from "../scripted/ScriptedLanguageModel.ts"
import * as ScriptedRecogniser from "../scripted/ScriptedRecogniser.ts"
import * as ScriptedSpeechToSpeech from "../scripted/ScriptedSpeechToSpeech.ts"

const nothing = Schema.Struct({})
const gone = new ConnectionFailed({ op: "scripted", message: "scripted: this engine always fails" })

/**
 * - `scripted_stt` decodes text from audio (`SpokenAudio`); `failing_stt` always fails; `endpointing_stt` also decides the
 *   end of a turn.
 * - `scripted_tts` speaks, `ms_per_character` ms for each character; `failing_tts` always fails.
 * - `scripted_s2s` is a speech-to-speech model, `scripted_vad` a voice activity detector, `never_finished` a turn detector
 *   for which no turn is ever finished, `silencing` a noise suppressor that returns silence, `scripted_llm` a language model
 *   that always gives the same answer.
 *
 * @category tables
 * @since 0.1.0
 */
export const engines: EngineRegistry.EngineTable = {
  stt: {
    scripted_stt: Effect.succeed(EngineRegistry.define({
      kind: "stt",
      name: "scripted_stt",
      description: "decodes text from audio",
      options: nothing,
      layer: () => ScriptedRecogniser.layer({ name: "scripted_stt" })
    })),
    failing_stt: Effect.succeed(EngineRegistry.define({
      kind: "stt",
      name: "failing_stt",
      description: "always fails",
      options: nothing,
      layer: () =>
        ScriptedRecogniser.layer({
          name: "failing_stt",
          failToOpenAt: Object.fromEntries(Array.from({ length: 100 }, (_, stream) => [stream, gone]))
        })
    })),
    endpointing_stt: Effect.succeed(EngineRegistry.define({
      kind: "stt",
      name: "endpointing_stt",
      description: "decides the end of a turn",
      options: nothing,
      layer: () => ScriptedRecogniser.layer({ name: "endpointing_stt", endOfTurn: 200 })
    }))
  },
  tts: {
    scripted_tts: Effect.succeed(EngineRegistry.define({
      kind: "tts",
      name: "scripted_tts",
      description: "encodes its text in audio",
      options: Schema.Struct({
        ms_per_character: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 10, maximum: 200 })))
      }),
      layer: ({ ms_per_character }) => ScriptedEngines.layerTts({ msPerCharacter: ms_per_character ?? 40 })
    })),
    failing_tts: Effect.succeed(EngineRegistry.define({
      kind: "tts",
      name: "failing_tts",
      description: "always fails",
      options: nothing,
      layer: () =>
        ScriptedEngines.layerTts({
          failAt: Object.fromEntries(Array.from({ length: 100 }, (_, sentence) => [sentence, gone]))
        })
    }))
  },
  s2s: {
    scripted_s2s: Effect.succeed(EngineRegistry.define({
      kind: "s2s",
      name: "scripted_s2s",
      description: "answers without an agent",
      options: nothing,
      layer: () => ScriptedSpeechToSpeech.layerS2s(["I am a model."], { transcripts: "heard", msPerCharacter: 40 })
    }))
  },
  vad: {
    scripted_vad: Effect.succeed(EngineRegistry.define({
      kind: "vad",
      name: "scripted_vad",
      description: "detects speech by its level",
      options: nothing,
      layer: () => ScriptedEngines.layerVad()
    }))
  },
  turn: {
    never_finished: Effect.succeed(EngineRegistry.define({
      kind: "turn",
      name: "never_finished",
      description: "never finds a turn finished",
      options: nothing,
      layer: () => Layer.succeed(TurnDetector, { name: "never_finished", endOfTurn: () => Effect.succeed(0) })
    }))
  },
  noise: {
    silencing: Effect.succeed(EngineRegistry.define({
      kind: "noise",
      name: "silencing",
      description: "returns silence",
      options: nothing,
      layer: () =>
        Layer.succeed(NoiseSuppressor, {
          name: "silencing",
          sampleRate: TIMELINE_RATE,
          latencySamples: 0,
          open: Effect.sync(() => {
            let silence = new Int16Array(0)
            return {
              process: (pcm: Int16Array) => {
                if (silence.length !== pcm.length) silence = new Int16Array(pcm.length)
                return silence
              }
            }
          })
        })
    }))
  },
  echo: {},
  llm: {
    scripted_llm: Effect.succeed(EngineRegistry.define({
      kind: "llm",
      name: "scripted_llm",
      description: "always gives the same answer",
      options: nothing,
      layer: () => ScriptedLanguageModel.layer(() => ["Very well."])
    }))
  }
}

/**
 * `mute` silences the user; `constant_level` replaces every sample by a constant.
 *
 * @category tables
 * @since 0.1.0
 */
export const processors = {
  mute: () => Effect.succeed(AudioProcessor.sync({ name: "mute", process: (frame) => frame.fill(0) })),
  constant_level: AudioProcessor.define({
    name: "constant_level",
    options: Schema.Struct({ level: Schema.Int }),
    open: ({ level }) =>
      Effect.succeed(AudioProcessor.sync({ name: "constant_level", process: (frame) => frame.fill(level) }))
  })
}
