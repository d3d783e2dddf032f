/**
 * Sentences as speech chunks, whatever the speech travels on: texts that are too long for one request go out in pieces.
 *
 * It makes one attempt and repeats nothing: `ResilientTextToSpeech` retries, times and leaves out what was delivered.
 *
 * @since 0.1.0
 */
import * as Stream from "effect/Stream"
import type { BackendError } from "../../../BackendError.ts"
import type { SpeechChunk, SpokenWord, TextToSpeechStream } from "../../../speech/TextToSpeech.ts"
import * as TextPieces from "./TextPieces.ts"

/**
 * A piece of the speech of one text; words are timed in ms from its first sample. An empty one comes first, once the vendor
 * has been asked for the text: connecting has a time limit of its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpeechPiece {
  readonly pcm?: Int16Array
  readonly words?: ReadonlyArray<SpokenWord>
}

/**
 * Speaks one text, once.
 *
 * @category models
 * @since 0.1.0
 */
export type SpeakText = (text: string) => Stream.Stream<SpeechPiece, BackendError>

/**
 * The speech of a text that the vendor has been asked for: the empty piece, then the vendor's.
 *
 * @category combinators
 * @since 0.1.0
 */
export const asked = <E>(pieces: Stream.Stream<SpeechPiece, E>): Stream.Stream<SpeechPiece, E> =>
  Stream.concat(Stream.succeed<SpeechPiece>({}), pieces)

const silence = new Int16Array(0)

/**
 * A voice that sends one sentence at a time, in pieces of at most `maxText` UTF-16 units; `sampleRate` in Hz. A text
 * without a letter or digit is not sent.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly sampleRate: number
  readonly maxText: number
  readonly speak: SpeakText
}): TextToSpeechStream => {
  const sentence = (text: string): Stream.Stream<SpeechChunk, BackendError> => {
    if (text.trim() === "") return Stream.empty
    if (!TextPieces.isSpeakable(text)) return Stream.succeed({ pcm: silence, text })
    let first = true
    let samples = 0
    const chunk = ({ pcm = silence, words }: SpeechPiece, offsetMs: number): SpeechChunk => {
      if (pcm.length === 0 && words === undefined) return { pcm, text: "" }
      const carried = first ? text : ""
      first = false
      samples += pcm.length
      return words === undefined ? { pcm, text: carried } : {
        pcm,
        text: carried,
        words: words.map((word) => ({
          text: word.text,
          startMs: offsetMs + word.startMs,
          endMs: offsetMs + word.endMs
        }))
      }
    }
    return Stream.fromIterable(TextPieces.pieces(text, options.maxText).filter(TextPieces.isSpeakable)).pipe(
      Stream.rechunk(1),
      Stream.flatMap((part) =>
        Stream.suspend(() => {
          const offsetMs = samples / options.sampleRate * 1_000
          return Stream.map(options.speak(part), (piece) => chunk(piece, offsetMs))
        })
      )
    )
  }
  return { speak: (sentences) => Stream.flatMap(Stream.rechunk(sentences, 1), sentence) }
}
