/**
 * A tone that survives any codec, for providers that do not keep samples exactly.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { SpeechToSpeech } from "../../speech/SpeechToSpeech.ts"
import { TextToSpeech } from "../../speech/TextToSpeech.ts"

const HERTZ = 300
/** Below the samples of encoded text, so that it decodes to nothing. */
const LEVEL = 3_500

/**
 * Makes `count` samples of a tone at 300 Hz.
 *
 * @category constructors
 * @since 0.1.0
 */
export const samples = (count: number, sampleRate: number): Int16Array =>
  Int16Array.from({ length: count }, (_, i) => Math.round(LEVEL * Math.sin(2 * Math.PI * HERTZ * i / sampleRate)))

/**
 * Makes a tone of `duration` ms.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ms = (duration: number, sampleRate: number): Int16Array =>
  samples(Math.round(duration * sampleRate / 1000), sampleRate)

/**
 * Replaces the audio of a TTS engine by a tone of the same length.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTts = <E>(voice: Layer.Layer<TextToSpeech, E>): Layer.Layer<TextToSpeech, E> =>
  Layer.effect(
    TextToSpeech,
    Effect.map(TextToSpeech, (engine) => ({
      ...engine,
      open: (options) =>
        Effect.map(engine.open(options), ({ speak }) => ({
          speak: (texts) =>
            Stream.map(speak(texts), (chunk) => ({ ...chunk, pcm: samples(chunk.pcm.length, engine.sampleRate) }))
        }))
    }))
  ).pipe(Layer.provide(voice))

/**
 * Replaces the audio of a speech-to-speech model by a tone of the same length.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerS2s = <E>(model: Layer.Layer<SpeechToSpeech, E>): Layer.Layer<SpeechToSpeech, E> =>
  Layer.effect(
    SpeechToSpeech,
    Effect.map(SpeechToSpeech, (engine) => ({
      ...engine,
      open: (options) =>
        Effect.map(engine.open(options), (stream) => ({
          ...stream,
          events: Stream.map(stream.events, (event) =>
            event._tag === "ReplyAudio"
              ? { ...event, pcm: samples(event.pcm.length, engine.outputSampleRate) }
              : event)
        }))
    }))
  ).pipe(Layer.provide(model))
