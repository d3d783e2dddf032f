/**
 * Speech that is asked of a vendor text by text, whatever it travels on: what is lost on the way is asked for again, and
 * of what comes then, what was given already is left out. A caller hears a sentence once, and to its end.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type BackendError, Timeout } from "../../../BackendError.ts"
import type { SpeechChunk, SpokenWord, TextToSpeechStream } from "../../../speech/TextToSpeech.ts"
import * as TextPieces from "./TextPieces.ts"

/**
 * A piece of the speech of one text; words are timed in ms from its first sample.
 *
 * @category models
 * @since 0.1.0
 */
export interface Heard {
  readonly pcm?: Int16Array
  readonly words?: ReadonlyArray<SpokenWord>
}

/** How often a text is asked for again that has brought nothing new since. */
const MAX_AGAIN = 2
const op = "TextToSpeech.speak"
const nothing = new Int16Array(0)

/**
 * What another connection may do better.
 *
 * @category guards
 * @since 0.1.0
 */
export const isLoss = (error: BackendError): boolean =>
  error.retryable && error._tag !== "RateLimitExceeded" && error._tag !== "SessionLimitExceeded"

/**
 * Fails `timeout` when nothing comes for so long while something is waited for.
 *
 * @category combinators
 * @since 0.1.0
 */
export const watched =
  (vendor: string, silence: Duration.Duration) => <A, E>(stream: Stream.Stream<A, E>): Stream.Stream<A, E | Timeout> =>
    Stream.transformPull(stream, (pull) =>
      Effect.succeed(
        Effect.timeoutOrElse(pull, {
          duration: silence,
          orElse: () =>
            Effect.fail(new Timeout({ op, message: `${vendor} fell silent within a sentence`, details: { vendor } }))
        })
      ))

/** Leaves out what was given of an earlier telling, and remembers what is given now. */
const makeNews = () => {
  let given = 0
  let words = 0
  return () => {
    const [skipSamples, skipWords] = [given, words]
    let seen = 0
    let said = 0
    return (heard: Heard): Heard | undefined => {
      const from = seen
      const fresh = heard.words?.slice(Math.max(0, skipWords - said))
      said += heard.words?.length ?? 0
      words = Math.max(words, said)
      seen += heard.pcm?.length ?? 0
      given = Math.max(given, seen)
      const pcm = seen <= skipSamples || heard.pcm === undefined
        ? undefined
        : heard.pcm.subarray(Math.max(0, skipSamples - from))
      return pcm === undefined && (fresh === undefined || fresh.length === 0) ? undefined : {
        ...(pcm === undefined ? {} : { pcm }),
        ...(fresh === undefined || fresh.length === 0 ? {} : { words: fresh })
      }
    }
  }
}

const told = (ask: (text: string) => Stream.Stream<Heard, BackendError>) => (text: string) => {
  const retell = makeNews()
  let again = 0
  const attempt = (): Stream.Stream<Heard, BackendError> => {
    const news = retell()
    return ask(text).pipe(
      Stream.map((heard) => {
        const fresh = news(heard)
        if (fresh !== undefined) again = 0
        return fresh
      }),
      Stream.filter((fresh): fresh is Heard => fresh !== undefined),
      Stream.catch((error) => isLoss(error) && again++ < MAX_AGAIN ? Stream.suspend(attempt) : Stream.fail(error))
    )
  }
  return Stream.suspend(attempt)
}

/**
 * A voice that asks for one sentence at a time, in pieces of at most `maxText` UTF-16 units; `sampleRate` in Hz. A text
 * without a letter or digit is not asked for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly sampleRate: number
  readonly maxText: number
  readonly ask: (text: string) => Stream.Stream<Heard, BackendError>
}): TextToSpeechStream => {
  const sentence = (text: string): Stream.Stream<SpeechChunk, BackendError> => {
    if (text.trim() === "") return Stream.empty
    if (!TextPieces.isSpeakable(text)) return Stream.succeed({ pcm: nothing, text })
    const tell = told(options.ask)
    let first = true
    let samples = 0
    const chunk = (heard: Heard, offsetMs: number): SpeechChunk => {
      const carried = first ? text : ""
      first = false
      samples += heard.pcm?.length ?? 0
      const pcm = heard.pcm ?? nothing
      if (heard.words === undefined) return { pcm, text: carried }
      const words = heard.words.map((word) => ({
        text: word.text,
        startMs: offsetMs + word.startMs,
        endMs: offsetMs + word.endMs
      }))
      return { pcm, text: carried, words }
    }
    return Stream.fromIterable(TextPieces.pieces(text, options.maxText).filter(TextPieces.isSpeakable)).pipe(
      Stream.rechunk(1),
      Stream.flatMap((part) =>
        Stream.suspend(() => {
          const offsetMs = samples / options.sampleRate * 1_000
          return Stream.map(tell(part), (heard) => chunk(heard, offsetMs))
        })
      )
    )
  }
  return { speak: (sentences) => Stream.flatMap(Stream.rechunk(sentences, 1), sentence) }
}
