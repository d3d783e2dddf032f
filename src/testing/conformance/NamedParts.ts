/**
 * Engines and processors for configs that call them by name: they do what the scripted ones do.
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
const gone = new ConnectionFailed({ op: "scripted", message: "scripted: this engine is never there" })

/**
 * - `hearing` hears spelt speech; `deaf` fails whenever it is asked; `ends_turns` says itself when a turn is over.
 * - `voice` speaks, at the pace of its option; `hoarse` never does.
 * - `model` is a speech-to-speech model; `level` a voice activity detector; `patient` a turn detector that takes everything
 *   for unfinished; `silencer` a noise suppressor that leaves nothing; `brief` a language model that says the same to
 *   all.
 *
 * @category tables
 * @since 0.1.0
 */
export const engines: EngineRegistry.EngineTable = {
  stt: {
    hearing: Effect.succeed(EngineRegistry.define({
      kind: "stt",
      name: "hearing",
      description: "hears spelt speech",
      options: nothing,
      layer: () => ScriptedRecogniser.layer({ name: "hearing" })
    })),
    deaf: Effect.succeed(EngineRegistry.define({
      kind: "stt",
      name: "deaf",
      description: "fails whenever it is asked",
      options: nothing,
      layer: () =>
        ScriptedRecogniser.layer({
          name: "deaf",
          failToOpenAt: Object.fromEntries(Array.from({ length: 100 }, (_, stream) => [stream, gone]))
        })
    })),
    ends_turns: Effect.succeed(EngineRegistry.define({
      kind: "stt",
      name: "ends_turns",
      description: "says itself when a turn is over",
      options: nothing,
      layer: () => ScriptedRecogniser.layer({ name: "ends_turns", endOfTurn: 200 })
    }))
  },
  tts: {
    voice: Effect.succeed(EngineRegistry.define({
      kind: "tts",
      name: "voice",
      description: "spells what it says",
      options: Schema.Struct({
        pace: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 10, maximum: 200 })))
      }),
      layer: ({ pace }) => ScriptedEngines.layerTts({ msPerCharacter: pace ?? 40 })
    })),
    hoarse: Effect.succeed(EngineRegistry.define({
      kind: "tts",
      name: "hoarse",
      description: "never says a word",
      options: nothing,
      layer: () =>
        ScriptedEngines.layerTts({
          failAt: Object.fromEntries(Array.from({ length: 100 }, (_, sentence) => [sentence, gone]))
        })
    }))
  },
  s2s: {
    model: Effect.succeed(EngineRegistry.define({
      kind: "s2s",
      name: "model",
      description: "answers by itself",
      options: nothing,
      layer: () => ScriptedSpeechToSpeech.layerS2s(["I am a model."], { transcripts: "heard", msPerCharacter: 40 })
    }))
  },
  vad: {
    level: Effect.succeed(EngineRegistry.define({
      kind: "vad",
      name: "level",
      description: "hears how loud it is",
      options: nothing,
      layer: () => ScriptedEngines.layerVad()
    }))
  },
  turn: {
    patient: Effect.succeed(EngineRegistry.define({
      kind: "turn",
      name: "patient",
      description: "takes everything for unfinished",
      options: nothing,
      layer: () => Layer.succeed(TurnDetector, { name: "patient", endOfTurn: () => Effect.succeed(0) })
    }))
  },
  noise: {
    silencer: Effect.succeed(EngineRegistry.define({
      kind: "noise",
      name: "silencer",
      description: "leaves nothing of anything",
      options: nothing,
      layer: () =>
        Layer.succeed(NoiseSuppressor, {
          name: "silencer",
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
  llm: {
    brief: Effect.succeed(EngineRegistry.define({
      kind: "llm",
      name: "brief",
      description: "says the same to all",
      options: nothing,
      layer: () => ScriptedLanguageModel.layer(() => ["Very well."])
    }))
  }
}

/**
 * `mute` silences the user; `spoil` puts noise of a level in the place of what was said.
 *
 * @category tables
 * @since 0.1.0
 */
export const processors = {
  mute: () => Effect.succeed(AudioProcessor.sync({ name: "mute", process: (frame) => frame.fill(0) })),
  spoil: AudioProcessor.define({
    name: "spoil",
    options: Schema.Struct({ level: Schema.Int }),
    open: ({ level }) => Effect.succeed(AudioProcessor.sync({ name: "spoil", process: (frame) => frame.fill(level) }))
  })
}
