/**
 * Scripted engines for tests of timing and faults: no models, no network, no clock of their own.
 *
 * Any PCM louder than `SPEECH_LEVEL` is speech; its texts are given to the recogniser as a list.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { BackendError } from "../../BackendError.ts"
import { SpeechToText, type TranscriptEvent } from "../../speech/SpeechToText.ts"
import { type SpeechChunk, TextToSpeech } from "../../speech/TextToSpeech.ts"
import { TIMELINE_RATE, VoiceActivityDetector } from "../../speech/VoiceActivityDetector.ts"
import * as SpokenAudio from "../scenario/SpokenAudio.ts"

/**
 * The level from which samples count as speech.
 *
 * @category constants
 * @since 0.1.0
 */
export const SPEECH_LEVEL = 1_000

/**
 * Makes `ms` of PCM (default 16 kHz) that counts as speech.
 *
 * @category constructors
 * @since 0.1.0
 */
export const speech = (ms: number, sampleRate = TIMELINE_RATE): Int16Array =>
  new Int16Array(Math.round(ms * sampleRate / 1000)).fill(8_000)

/**
 * Makes `ms` of silence (default 16 kHz).
 *
 * @category constructors
 * @since 0.1.0
 */
export const silence = (ms: number, sampleRate = TIMELINE_RATE): Int16Array =>
  new Int16Array(Math.round(ms * sampleRate / 1000))

/**
 * A voice activity detector that decides after `onsetMs` of sound (default 60) and `hangoverMs` of silence (default 100).
 *
 * @category layers
 * @since 0.1.0
 */
export const layerVad = (options?: {
  readonly onsetMs?: number | undefined
  readonly hangoverMs?: number | undefined
}): Layer.Layer<VoiceActivityDetector> => {
  const onset = (options?.onsetMs ?? 60) * TIMELINE_RATE / 1000
  const hangover = (options?.hangoverMs ?? 100) * TIMELINE_RATE / 1000
  return Layer.succeed(VoiceActivityDetector, {
    name: "scripted",
    sampleRate: TIMELINE_RATE,
    open: ({ onActivity }) =>
      Effect.sync(() => {
        let position = 0
        let speaking = false
        let since = -1
        return {
          push: (pcm) => {
            for (const sample of pcm) {
              const loud = Math.abs(sample) >= SPEECH_LEVEL
              position++
              if (loud === speaking) {
                since = -1
                continue
              }
              if (since < 0) since = position - 1
              if (position - since < (speaking ? hangover : onset)) continue
              speaking = !speaking
              onActivity({
                _tag: speaking ? "SpeechStarted" : "SpeechStopped",
                atSample: since,
                decidedAtSample: position
              })
              since = -1
            }
          }
        }
      })
  })
}

/**
 * A recogniser that returns these texts, one for each final transcript that is requested after speech.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerStt = (
  texts: ReadonlyArray<string>,
  options?: {
    /** The delay of a final transcript. Default: none. */
    readonly delay?: Duration.Input | undefined
    /** Whether it announces interim transcripts. Default: false. */
    readonly interims?: boolean | undefined
    /** Fails the stream instead of the nth answer, counted from 0. */
    readonly failAt?: { readonly [answer: number]: BackendError } | undefined
    /** Never returns the nth answer. */
    readonly hangAt?: ReadonlyArray<number> | undefined
  }
): Layer.Layer<SpeechToText> =>
  Layer.sync(SpeechToText, () => {
    let answers = 0
    const left = [...texts]
    return {
      name: "scripted",
      sampleRate: TIMELINE_RATE,
      capabilities: { interim: options?.interims ?? false, endOfTurn: false, languages: [], keyterms: true },
      open: () =>
        Effect.gen(function*() {
          const asked = yield* Queue.unbounded<number>()
          const events = yield* Queue.unbounded<TranscriptEvent, BackendError | Cause.Done>()
          let heard = false
          yield* Queue.take(asked).pipe(
            Effect.tap(() => options?.delay === undefined ? Effect.void : Effect.sleep(options.delay)),
            Effect.flatMap((id) => {
              const answer = answers++
              const failure = options?.failAt?.[answer]
              if (options?.hangAt?.includes(answer) === true) return Effect.void
              if (failure !== undefined) return Effect.asVoid(Queue.fail(events, failure))
              const text = heard ? left.shift() : undefined
              heard = false
              if (text !== undefined) Queue.offerUnsafe(events, { _tag: "Final", text })
              Queue.offerUnsafe(events, { _tag: "Finalized", id })
              return Effect.void
            }),
            Effect.forever,
            Effect.forkScoped
          )
          return {
            push: (pcm) => {
              heard = heard || pcm.some((sample) => Math.abs(sample) >= SPEECH_LEVEL)
            },
            activity: () => {},
            finalize: (id) => void Queue.offerUnsafe(asked, id),
            events: Stream.fromQueue(events)
          }
        })
    }
  })

/**
 * How a scripted voice never ends a text: `nothing`, pieces without audio in place of it; `audio`, silence after it, in frames
 * of 20 ms; `samples`, the same in pieces of one sample; `words`, words after it that it does not speak.
 *
 * @category models
 * @since 0.1.0
 */
export type EndlessSpeech = "nothing" | "audio" | "samples" | "words"

/**
 * A voice that encodes its text in audio (`SpokenAudio`): `msPerCharacter` (default 50) at 24 kHz, one chunk for each
 * sentence.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTts = (options?: {
  readonly msPerCharacter?: number | undefined
  /** Whether it has a tone, so that an echo guard knows its echo. Default: false. */
  readonly voiced?: boolean | undefined
  readonly sampleRate?: number | undefined
  /** The delay before each sentence. Default: none. */
  readonly delay?: Duration.Input | undefined
  /** Fails at the nth sentence, counted from 0 over all streams of the engine. */
  readonly failAt?: { readonly [sentence: number]: BackendError } | undefined
  /** Never speaks the nth sentence. */
  readonly hangAt?: ReadonlyArray<number> | undefined
  /** Never ends the nth sentence. */
  readonly endlessAt?: { readonly [sentence: number]: EndlessSpeech } | undefined
  /** Called with a sentence that it speaks and never ends, before it does. */
  readonly onEndless?: ((text: string) => void) | undefined
  /** Its language, the tags that it understands, and whether it reads numbers itself. Default: unknown, none, yes. */
  readonly language?: string | undefined
  /** The languages that a session may ask for. Default: any. */
  readonly languages?: ReadonlyArray<string> | undefined
  /** Called with each sentence and the language that it was asked for. */
  readonly onSpeak?: ((text: string, language: string | undefined) => void) | undefined
  readonly tags?: ReadonlyArray<string> | undefined
  readonly normalisesText?: boolean | undefined
}): Layer.Layer<TextToSpeech> =>
  Layer.sync(TextToSpeech, () => {
    const sampleRate = options?.sampleRate ?? 24_000
    let sentences = 0
    const speak = (text: string): Effect.Effect<SpeechChunk, BackendError> =>
      Effect.gen(function*() {
        const sentence = sentences++
        if (options?.hangAt?.includes(sentence) === true) return yield* Effect.never
        const failure = options?.failAt?.[sentence]
        if (failure !== undefined) return yield* failure
        if (options?.delay !== undefined) yield* Effect.sleep(options.delay)
        const pcm = SpokenAudio.encode(text, {
          sampleRate,
          msPerCharacter: options?.msPerCharacter ?? 50,
          voiced: options?.voiced
        })
        return { pcm, text }
      })
    const more = (kind: EndlessSpeech): SpeechChunk => ({
      pcm: new Int16Array(kind === "audio" ? sampleRate / 50 : kind === "samples" ? 1 : 0),
      text: "",
      ...(kind === "words" ? { words: [{ text: "on", startMs: 0, endMs: 1 }] } : {})
    })
    const speakOn = (text: string): Stream.Stream<SpeechChunk, BackendError> => {
      const kind = options?.endlessAt?.[sentences]
      if (kind === undefined) return Stream.fromEffect(speak(text))
      if (kind !== "nothing") options?.onEndless?.(text)
      const after = Stream.forever(Stream.sync(() => more(kind)))
      if (kind !== "nothing") return Stream.concat(Stream.fromEffect(speak(text)), after)
      sentences++
      return after
    }
    return {
      name: "scripted",
      sampleRate,
      capabilities: {
        voices: ["scripted"],
        languages: options?.languages ?? [],
        language: options?.language,
        tags: options?.tags,
        normalisesText: options?.normalisesText
      },
      open: ({ language }) =>
        Effect.succeed({
          speak: (texts) => {
            const told = options?.onSpeak === undefined
              ? texts
              : Stream.tap(texts, (text) => Effect.sync(() => options.onSpeak?.(text, language)))
            // as a stream of its own for each sentence only where one never ends
            return Object.keys(options?.endlessAt ?? {}).length === 0
              ? Stream.mapEffect(told, speak)
              : Stream.flatMap(told, speakOn)
          }
        })
    }
  })
