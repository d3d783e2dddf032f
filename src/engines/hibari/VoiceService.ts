/**
 * The text-to-speech service over the worker of the neural voice.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { BackendError } from "../../BackendError.ts"
import * as SessionSpeech from "../../speech/SessionSpeech.ts"
import { type SpeechChunk, TextToSpeech } from "../../speech/TextToSpeech.ts"
import type { Accent } from "./ModelFiles.ts"
import { RATE } from "./vocoder/Spectra.ts"
import type { VoiceThread } from "./worker/VoiceThread.ts"
import type { Sound } from "./worker/WorkerProtocol.ts"

/** Pieces of 200 ms that are made before they are asked for, across sentences: 2 s. */
const AHEAD = 10

/**
 * - `thread`: the worker.
 * - `voices`: those that it has, in its order; the first speaks where a session asks for none.
 * - `speed`: relative to the voice's own.
 * - `gain`: a factor of the samples.
 *
 * @category models
 * @since 0.1.0
 */
export interface VoiceServiceOptions {
  readonly thread: VoiceThread
  readonly voices: ReadonlyArray<{ readonly name: string; readonly accent: Accent }>
  readonly speed: number
  readonly gain: number
}

const tags: { readonly [A in Accent]: string } = { us: "en-US", gb: "en-GB" }

/**
 * Makes the service. A session that asks for British or American English and no voice gets the first one of that accent.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  { gain, speed, thread, voices }: VoiceServiceOptions
): TextToSpeech["Service"] => {
  const voiceOf = ({ language, voice }: SessionSpeech.SessionSpeech): number => {
    const found = voice !== undefined
      ? voices.findIndex(({ name }) => name === voice)
      : voices.findIndex(({ accent }) => tags[accent].toLowerCase() === language?.toLowerCase())
    return Math.max(0, found)
  }

  const speak = (session: string, voice: number, text: string): Stream.Stream<SpeechChunk, BackendError> =>
    thread.speak({ session, voice, text, speed, gain }).pipe(
      Stream.mapAccum(() => text, (remaining: string, { pcm, words }: Sound) => [
        "",
        [{ pcm, text: remaining, ...(words.length === 0 ? {} : { words }) }]
      ])
    )

  const service = TextToSpeech.of({
    name: "hibari",
    sampleRate: RATE,
    probe: Stream.runDrain(speak("probe", 0, "a")),
    capabilities: {
      voices: voices.map(({ name }) => name),
      languages: ["en"],
      language: tags[voices[0]?.accent ?? "us"],
      // the rules of `src/text` read codes, telephone numbers and fractions right, which those of the voice do not
      normalisesText: false
    },
    open: (session) => {
      const unsupported = SessionSpeech.check("TextToSpeech.open", session, { tts: service })
      if (unsupported !== undefined) return Effect.fail(unsupported)
      const voice = voiceOf(session)
      return Effect.succeed({
        speak: (sentences) =>
          sentences.pipe(
            Stream.rechunk(1),
            Stream.flatMap((text) => speak(session.sessionId, voice, text)),
            Stream.buffer({ capacity: AHEAD })
          )
      })
    }
  })
  return service
}
