/**
 * What a text-to-speech engine made of the texts that it was given.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Pcm from "../../../audio/Pcm.ts"
import type { BackendError } from "../../../BackendError.ts"
import type { SpeechChunk, TextToSpeech, TextToSpeechOptions } from "../../../speech/TextToSpeech.ts"
import { assertCompletesWithin, fail, type Failure } from "../Assertions.ts"
import type { PartRow } from "../PartSuite.ts"

/**
 * What the check of a row has.
 *
 * @category models
 * @since 0.1.0
 */
export interface TtsPart {
  readonly engine: TextToSpeech["Service"]
  readonly sentences: readonly [string, string]
  readonly transcribe: ((pcm: Int16Array, sampleRate: number) => Effect.Effect<string, BackendError>) | undefined
  readonly failing: Layer.Layer<TextToSpeech, BackendError> | undefined
}

/**
 * A row of the suite.
 *
 * @category models
 * @since 0.1.0
 */
export type TtsRow = PartRow<TtsPart>

/** How long a few sentences may take, on a busy machine. */
const LONGEST = "2 minutes"
/** More audio, and more chunks, than a few sentences are. */
const MOST_SECONDS = 600
const MOST_CHUNKS = 100_000
/** "RIFF", as samples. */
const RIFF = [0x49_52, 0x46_46]

/** What is wrong with a chunk by itself; `undefined`: nothing. */
const faultOf = ({ pcm, text, words = [] }: SpeechChunk): string | undefined => {
  if (!(pcm instanceof Int16Array)) return `expected that the audio of a chunk is an Int16Array, and not ${kindOf(pcm)}`
  if (typeof text !== "string") return `expected that a chunk has a text, "" where it continues one, and not ${text}`
  if (pcm[0] === RIFF[0] && pcm[1] === RIFF[1]) return "expected samples alone, and not the header of a WAV file"
  const untimed = words.find(({ endMs, startMs }) => !Number.isFinite(startMs) || !Number.isFinite(endMs))
  return untimed &&
    `expected that the word "${untimed.text}" is from a ms to a ms, and not ${untimed.startMs} to ${untimed.endMs}`
}

const kindOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1)

/**
 * Speaks texts with a voice of its own, and collects the chunks.
 *
 * @category running
 * @since 0.1.0
 */
export const speak = (
  engine: TextToSpeech["Service"],
  texts: ReadonlyArray<string>,
  options: Partial<TextToSpeechOptions> = {}
): Effect.Effect<ReadonlyArray<SpeechChunk>, Failure, Scope.Scope> =>
  Effect.gen(function*() {
    const voice = yield* assertCompletesWithin(
      "1 minute",
      "opening a voice",
      engine.open({ sessionId: "conformance", ...options })
    )
    const chunks: Array<SpeechChunk> = []
    let samples = 0
    const speaking = Stream.runForEach(voice.speak(Stream.fromIterable(texts)), (chunk) => {
      chunks.push(chunk)
      samples += chunk.pcm.length
      const fault = faultOf(chunk)
      if (fault !== undefined) return fail(fault)
      return samples > MOST_SECONDS * engine.sampleRate || chunks.length > MOST_CHUNKS
        ? fail(
          `expected that speaking ${texts.length} texts ends: ${chunks.length} chunks of ` +
            `${Math.round(samples / engine.sampleRate)} s came`
        )
        : Effect.void
    })
    yield* assertCompletesWithin(LONGEST, "speaking", speaking)
    return chunks
  })

/**
 * The chunks of each text: the first one carries it, the others continue it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const byText = (chunks: ReadonlyArray<SpeechChunk>): ReadonlyArray<ReadonlyArray<SpeechChunk>> => {
  const texts: Array<Array<SpeechChunk>> = []
  for (const chunk of chunks) {
    const last = texts.at(-1)
    // an engine may say with an empty chunk that it has begun
    if (last === undefined && chunk.text === "" && chunk.pcm.length === 0) continue
    if (chunk.text === "" && last !== undefined) last.push(chunk)
    else texts.push([chunk])
  }
  return texts
}

/**
 * The audio of chunks.
 *
 * @category conversions
 * @since 0.1.0
 */
export const audioOf = (chunks: ReadonlyArray<SpeechChunk>): Int16Array => Pcm.concat(chunks.map(({ pcm }) => pcm))

/**
 * The length of samples in ms.
 *
 * @category conversions
 * @since 0.1.0
 */
export const msOf = (pcm: Int16Array, { sampleRate }: TextToSpeech["Service"]): number => pcm.length * 1000 / sampleRate
