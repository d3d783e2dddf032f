/**
 * What a session can be asked to collect: the digits that a caller presses, or says.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { InvalidConfig } from "../../BackendError.ts"
import * as Faults from "../../schema/Faults.ts"
import { textFault } from "../ClientMessage.ts"

/**
 * The most digits that are collected at once.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_COLLECTED = 64

/**
 * What to collect.
 *
 * @category models
 * @since 0.1.0
 */
export interface CollectOptions {
  /** What the agent says first. Default: nothing; the caller's time begins when the agent is silent. */
  readonly prompt?: string | undefined
  /** The fewest digits that are a result, 0 to 64. Default: 1. */
  readonly min?: number | undefined
  /** The most digits, 1 to 64: they are collected as soon as the last one is pressed. Default: 64. */
  readonly max?: number | undefined
  /** The key that ends the input, and is no part of it; `""` for none. Default: `#`. */
  readonly terminator?: string | undefined
  /** How long the first digit is awaited after the prompt. Default: 10 s, [100 ms, 5 min]. */
  readonly firstDigitTimeout?: Duration.Input | undefined
  /** How long each further digit is awaited; then what was pressed counts. Default: 3 s, [100 ms, 1 min]. */
  readonly interDigitTimeout?: Duration.Input | undefined
  /** Whether the caller may press a key or speak during the prompt, which stops at once. Default: true. */
  readonly bargeIn?: boolean | undefined
  /** Whether what the caller says counts too; then it is the result, and no turn of the conversation. Default: true. */
  readonly voice?: boolean | undefined
}

const Ms = (minimum: number, maximum: number) => Schema.Finite.check(Schema.isBetween({ minimum, maximum }))

/**
 * The same, complete, with durations in ms.
 *
 * @category models
 * @since 0.1.0
 */
export const DigitCollection = Schema.Struct({
  prompt: Schema.String.check(Schema.makeFilter((text) => textFault(text) ?? true)),
  min: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: MAX_COLLECTED })),
  max: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: MAX_COLLECTED })),
  terminator: Schema.String.check(Schema.isPattern(/^[0-9*#A-D]?$/, { expected: "one key, or nothing" })),
  firstDigitTimeoutMs: Ms(100, 300_000),
  interDigitTimeoutMs: Ms(100, 60_000),
  bargeIn: Schema.Boolean,
  voice: Schema.Boolean
})

/**
 * @category models
 * @since 0.1.0
 */
export type DigitCollection = typeof DigitCollection.Type

/**
 * What came of it; see `DigitCollector.DigitResult`.
 *
 * @category models
 * @since 0.1.0
 */
export const CollectedDigits = Schema.Union([
  Schema.TaggedStruct("collected", { digits: Schema.String, by: Schema.Literals(["keypad", "voice"]) }),
  Schema.TaggedStruct("spoken", { text: Schema.String }),
  Schema.TaggedStruct("too_short", { digits: Schema.String }),
  Schema.TaggedStruct("no_input", {})
])

/**
 * @category models
 * @since 0.1.0
 */
export type CollectedDigits = typeof CollectedDigits.Type

/**
 * The options that ask for this.
 *
 * @category conversions
 * @since 0.1.0
 */
export const optionsOf = (
  { firstDigitTimeoutMs, interDigitTimeoutMs, ...rest }: DigitCollection
): CollectOptions => ({ ...rest, firstDigitTimeout: firstDigitTimeoutMs, interDigitTimeout: interDigitTimeoutMs })

const msOf = (given: Duration.Input | undefined, otherwise: number): number =>
  given === undefined ? otherwise : Duration.toMillis(Duration.fromInputUnsafe(given))

/**
 * Completes what a program asks for, and checks it. The error quotes no value.
 *
 * @category decoding
 * @since 0.1.0
 */
export const make = (op: string, options: CollectOptions = {}): Effect.Effect<DigitCollection, InvalidConfig> => {
  const { bargeIn = true, max = MAX_COLLECTED, min = 1, prompt = "", terminator = "#", voice = true } = options
  return Effect.try({
    try: () => ({
      firstDigitTimeoutMs: msOf(options.firstDigitTimeout, 10_000),
      interDigitTimeoutMs: msOf(options.interDigitTimeout, 3_000)
    }),
    catch: () => new InvalidConfig({ op, message: "a time-out is not a duration" })
  }).pipe(
    Effect.flatMap((timeouts) =>
      Faults.check(DigitCollection, { bargeIn, max, min, prompt, terminator, voice, ...timeouts }, {
        op,
        what: "invalid options of collectDigits",
        at: []
      })
    ),
    Effect.filterOrFail(
      (checked) => checked.min <= checked.max,
      () => new InvalidConfig({ op, message: "min: at most max" })
    )
  )
}
