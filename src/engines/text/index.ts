/**
 * Turn detection from the words: no model, no package. English.
 *
 * Tells "I want to" from "I want two", and knows when a number, an e-mail address or a spelling is half dictated.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { InvalidConfig } from "../../BackendError.ts"
import { withDefault } from "../../schema/Defaults.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import { TurnDetector } from "../../speech/TurnDetector.ts"
import * as EndOfTurn from "./EndOfTurn.ts"

const Phrases = Schema.Array(Schema.String.check(Schema.isMaxLength(80))).check(Schema.isMaxLength(1_000))

/**
 * Phrases have at most four words; each list is added to ours.
 *
 * - `fillers`: phrases that buy time.
 * - `unfinished`: phrases after which something must come.
 * - `complete`: phrases that end a turn, whatever the other lists say.
 * - `phoneDigits`: how many digits a telephone number has. 7, 10 or 11; [1, 20].
 *
 * @category models
 * @since 0.1.0
 */
export const TextOptions = Schema.Struct({
  fillers: Phrases.pipe(withDefault([])),
  unfinished: Phrases.pipe(withDefault([])),
  complete: Phrases.pipe(withDefault([])),
  phoneDigits: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 20 }))).check(
    Schema.isMinLength(1),
    Schema.isMaxLength(20)
  ).pipe(withDefault([7, 10, 11]))
}).pipe(Schema.encodeKeys({ phoneDigits: "phone_digits" }))

/**
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
 * The detector with these options, and the defaults for the others.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Partial<TextOptions>): Layer.Layer<TurnDetector, InvalidConfig> =>
  Layer.effect(TurnDetector, Effect.map(EngineRegistry.complete("text", TextOptions, options), make))

/**
 * `text` by name.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = EngineRegistry.define({
  kind: "turn",
  name: "text",
  description: "End of turn from the words and what the agent asked, English; needs nothing",
  options: TextOptions,
  layer
})
