/**
 * The options of detectors that judge the end of a turn by its words.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { withDefault } from "../../../schema/Defaults.ts"

const Phrases = Schema.Array(Schema.String.check(Schema.isMaxLength(80))).check(Schema.isMaxLength(1_000))

/**
 * The fields: phrases of at most four words, added to the built-in lists, and the lengths of telephone numbers.
 *
 * @category models
 * @since 0.1.0
 */
export const fields = {
  fillers: Phrases.pipe(withDefault([])),
  unfinished: Phrases.pipe(withDefault([])),
  complete: Phrases.pipe(withDefault([])),
  phoneDigits: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 20 }))).check(
    Schema.isMinLength(1),
    Schema.isMaxLength(20)
  ).pipe(withDefault([7, 10, 11]))
}

/**
 * Their names in a config, where those differ.
 *
 * @category constants
 * @since 0.1.0
 */
export const keys = { phoneDigits: "phone_digits" } as const
