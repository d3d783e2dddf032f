/**
 * How much of a conversation a language model is told.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { withDefault } from "../schema/Defaults.ts"
import { encodeKeys } from "../schema/EncodedKeys.ts"

/**
 * How much of a conversation a language model is told. What leaves the prompt stays in the session's history and in the
 * transcript.
 *
 * - `maxTokens`: the most tokens of a prompt: instructions, tools, and the newest turns that fit. Tokens are estimated, for
 *   every script rather too high than too low. 16,000, [256, 2,000,000].
 * - `keep`: the most turns before the present one, however short they are. Default: as many as fit.
 * - `summarise`: whether the model is asked, in the background, for a summary of what leaves the prompt; until it is there,
 *   and without it, a mark says that something is left out. false.
 *
 * @category models
 * @since 0.1.0
 */
export const HistorySettings = Schema.Struct({
  maxTokens: Schema.Int.check(Schema.isBetween({ minimum: 256, maximum: 2_000_000 })).pipe(withDefault(16_000)),
  keep: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000 }))),
  summarise: Schema.Boolean.pipe(withDefault(false))
}).pipe(encodeKeys({ maxTokens: "max_tokens" }))

/**
 * @category models
 * @since 0.1.0
 */
export type HistorySettings = typeof HistorySettings.Type

/**
 * The settings where nothing is set.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: HistorySettings = { maxTokens: 16_000, summarise: false }

/**
 * The settings as an agent gives them in code.
 *
 * @category models
 * @since 0.1.0
 */
export interface HistoryOptions {
  /** The most tokens of a prompt: instructions, tools, and the newest turns that fit. Default: the backend's. */
  readonly maxTokens?: number | undefined
  /** The most turns before the present one. Default: the backend's, or as many as fit. */
  readonly keep?: number | undefined
  /** Whether the model is asked for a summary of what leaves the prompt. Default: the backend's. */
  readonly summarise?: boolean | undefined
}

/** A number of a program's own, at least 1; anything else counts as not given. */
const positive = (value: number | undefined): number | undefined =>
  value !== undefined && value >= 1 ? Math.floor(value) : undefined

/**
 * Completes the settings that an agent gives in code; what it leaves out, or `undefined`, is the backend's.
 *
 * @category constructors
 * @since 0.1.0
 */
export const complete = (
  own: HistoryOptions = {},
  backend: HistorySettings = defaults
): HistorySettings => {
  const keep = positive(own.keep) ?? backend.keep
  return {
    maxTokens: positive(own.maxTokens) ?? backend.maxTokens,
    summarise: own.summarise ?? backend.summarise,
    ...(keep === undefined ? {} : { keep })
  }
}
