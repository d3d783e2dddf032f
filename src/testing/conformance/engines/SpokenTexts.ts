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
import { assertCompletesWithin, type Failure } from "../Assertions.ts"
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
  Effect.flatMap(
    engine.open({ sessionId: "conformance", ...options }),
    (voice) => assertCompletesWithin(LONGEST, "speaking", Stream.runCollect(voice.speak(Stream.fromIterable(texts))))
  )

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
