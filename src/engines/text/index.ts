/**
 * Turn detection from the transcript: no model, no package. English in detail; German, French, Spanish, Italian, Portuguese
 * and Dutch by the words that cannot end a turn, when the session has that language. Without a language: English.
 *
 * Distinguishes "I want to" from "I want two", and recognises an incomplete number, e-mail address or spelling.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { InvalidConfig } from "../../BackendError.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import { TurnDetector } from "../../speech/TurnDetector.ts"
import * as EndOfTurn from "../local/words/EndOfTurn.ts"
import * as WordOptions from "../local/words/WordOptions.ts"

/**
 * Options of the engine: phrases of at most four words, added to the built-in lists.
 *
 * - `fillers`: filler phrases, after which the speaker goes on.
 * - `unfinished`: phrases that cannot end a turn.
 * - `complete`: phrases that end a turn; they precede the other lists.
 * - `phoneDigits`: possible lengths of a telephone number. Default 7, 10 and 11; [1, 20].
 *
 * @category models
 * @since 0.1.0
 */
export const TextOptions = Schema.Struct(WordOptions.fields).pipe(encodeKeys(WordOptions.keys))

/**
 * The decoded options.
 *
 * @category models
 * @since 0.1.0
 */
export type TextOptions = typeof TextOptions.Type

const make = (options: TextOptions): TurnDetector["Service"] => {
  const endOfTurn = EndOfTurn.make(options)
  return {
    name: "text",
    endOfTurn: (input) => Effect.sync(() => endOfTurn(input))
  }
}

/**
 * Provides `TurnDetector` with these options and the defaults of the others.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Partial<TextOptions>): Layer.Layer<TurnDetector, InvalidConfig> =>
  Layer.effect(TurnDetector, Effect.map(EngineRegistry.complete("text", TextOptions, options), make))

/**
 * Registers as `text`.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = EngineRegistry.define({
  kind: "turn",
  name: "text",
  description: "End of turn from the transcript and the agent's question, in seven languages; no model, no package",
  options: TextOptions,
  layer
})
