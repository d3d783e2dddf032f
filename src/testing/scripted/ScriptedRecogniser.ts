/**
 * A recogniser that decodes the text in its audio (`SpokenAudio`), cut where the audio was cut.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { type BackendError, ConnectionFailed } from "../../BackendError.ts"
import { SpeechToText, type TranscriptEvent } from "../../speech/SpeechToText.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"
import { type HeardWord, SpokenAudioReader } from "../scenario/SpokenAudio.ts"
import { SPEECH_LEVEL } from "./ScriptedEngines.ts"

/**
 * The behaviour of the recogniser. Answers are counted from 0 over all streams of the engine.
 *
 * - `delayMs`: the delay of final transcripts, for all answers or for each in turn. Default: none.
 * - `interim`: returns each word as an interim transcript. Default: true.
 * - `endOfTurn`: silence in ms after which it reports the end of a turn. Default: never.
 * - `failAt`: fails the stream instead of an answer. `failToOpenAt`: fails the nth stream instead of opening it.
 * - `idleMs`: closes a stream after so many ms without speech, as hosted recognisers do.
 * - `finalizeTimeout`: the `finalizeTimeout` of the engine.
 * - `hangAt`: never returns an answer, to these requests or to any. `garbageAt`: sends unexpected events before the answer.
 *   `floodAt`: sends more interim transcripts at once than a recogniser may, in place of the answer.
 * - `languages`: the languages that a session may ask for. Default: any.
 *
 * @category models
 * @since 0.1.0
 */
export interface ScriptedRecogniserOptions {
  readonly name?: string | undefined
  readonly delayMs?: number | ReadonlyArray<number> | undefined
  readonly interim?: boolean | undefined
  readonly endOfTurn?: number | undefined
  readonly failAt?: { readonly [answer: number]: BackendError } | undefined
  readonly failToOpenAt?: { readonly [stream: number]: BackendError } | undefined
  readonly idleMs?: number | undefined
  readonly finalizeTimeout?: Duration.Input | undefined
  readonly hangAt?: ReadonlyArray<number> | "always" | undefined
  readonly garbageAt?: ReadonlyArray<number> | undefined
  readonly floodAt?: ReadonlyArray<number> | undefined
  readonly languages?: ReadonlyArray<string> | undefined
  /** Called with the language of each stream that is opened; a change of the session's language opens another. */
  readonly onLanguage?: ((language: string | undefined) => void) | undefined
  /** The language that it says a text is in. Default: it says nothing. */
  readonly hears?: ((text: string) => string | undefined) | undefined
}

/** Interim transcripts that a session does not take at once. */
const FLOOD = 4_000

const nth = (delayMs: number | ReadonlyArray<number>, answer: number): number =>
  typeof delayMs === "number" ? delayMs : delayMs[answer % delayMs.length] ?? 0

const idle = new ConnectionFailed({ op: "SpeechToText.events", message: "scripted: idle stream closed" })

/**
 * Makes the recogniser. Sound without encoded text (a cough, noise) has no words.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: ScriptedRecogniserOptions = {}): Layer.Layer<SpeechToText> =>
  Layer.sync(SpeechToText, () => {
    const { endOfTurn, interim = true } = options
    let answers = 0
    let streams = 0
    const open = Effect.gen(function*() {
      const refused = options.failToOpenAt?.[streams++]
      if (refused !== undefined) return yield* refused
      const asked = yield* Queue.unbounded<{ readonly id: number; readonly untilSample: number }>()
      const events = yield* Queue.unbounded<TranscriptEvent, BackendError | Cause.Done>()
      const emit = (event: TranscriptEvent) => void Queue.offerUnsafe(events, event)
      let words: Array<HeardWord> = []
      const reader = new SpokenAudioReader((word) => {
        words.push(word)
        if (interim) emit({ _tag: "Interim", text: textOf(words) })
      })
      const final = (untilSample: number) => {
        const said = words.filter((word) => word.startSample < untilSample)
        words = words.filter((word) => word.startSample >= untilSample)
        const language = options.hears?.(textOf(said))
        if (said.length > 0) {
          emit({ _tag: "Final", text: textOf(said), words: said, ...(language === undefined ? {} : { language }) })
        }
        return said.length > 0
      }
      const answer = ({ id, untilSample }: { readonly id: number; readonly untilSample: number }) => {
        const count = answers++
        const failure = options.failAt?.[count]
        if (options.hangAt === "always" || options.hangAt?.includes(count) === true) return Effect.void
        return Effect.andThen(
          Effect.sleep(nth(options.delayMs ?? 0, count)),
          Effect.suspend(() => {
            if (failure !== undefined) return Effect.asVoid(Queue.fail(events, failure))
            if (options.floodAt?.includes(count) === true) {
              for (let i = 0; i < FLOOD; i++) emit({ _tag: "Interim", text: textOf(words) })
              return Effect.void
            }
            if (options.garbageAt?.includes(count) === true) {
              emit({ _tag: "Finalized", id: -1 })
              emit({ _tag: "Final", text: "" })
              emit({ _tag: "Finalized", id: id + 1_000 })
            }
            final(untilSample)
            emit({ _tag: "Finalized", id })
            return Effect.void
          })
        )
      }
      yield* Queue.take(asked).pipe(Effect.flatMap(answer), Effect.forever, Effect.forkScoped)
      const { idleMs } = options
      let quiet = 0
      return {
        push: (pcm: Int16Array) => {
          reader.push(pcm)
          if (endOfTurn === undefined && idleMs === undefined) return
          quiet = pcm.some((sample) => sample > SPEECH_LEVEL) ? 0 : quiet + pcm.length
          if (idleMs !== undefined && quiet >= idleMs * TIMELINE_RATE / 1000) {
            Queue.failCauseUnsafe(events, Cause.fail(idle))
          }
          if (endOfTurn === undefined || words.length === 0 || quiet < endOfTurn * TIMELINE_RATE / 1000) {
            return
          }
          if (final(reader.position)) emit({ _tag: "EndOfTurn" })
        },
        activity: () => {},
        finalize: (id: number, untilSample: number) => void Queue.offerUnsafe(asked, { id, untilSample }),
        events: Stream.fromQueue(events)
      }
    })
    return {
      name: options.name ?? "scripted-recogniser",
      sampleRate: TIMELINE_RATE,
      capabilities: { interim, endOfTurn: endOfTurn !== undefined, languages: options.languages ?? [], keyterms: true },
      finalizeTimeout: options.finalizeTimeout === undefined
        ? undefined
        : Duration.fromInputUnsafe(options.finalizeTimeout),
      open: ({ language }) =>
        Effect.suspend(() => {
          options.onLanguage?.(language)
          return open
        })
    }
  })

const textOf = (words: ReadonlyArray<HeardWord>): string => words.map((word) => word.text).join(" ")
