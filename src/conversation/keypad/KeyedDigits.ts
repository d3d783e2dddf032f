/**
 * The digits that a caller presses when nobody collects them: gathered into one turn, so that an agent hears
 * `"The caller pressed 1 2 3 #."` once, instead of a turn for each key. A pure state machine.
 *
 * @since 0.1.0
 */
import { isKey } from "./Key.ts"

/**
 * How digits are gathered.
 *
 * @category models
 * @since 0.1.0
 */
export interface KeyedOptions {
  /** The pause after which no more digits are awaited, in ms. */
  readonly pauseMs: number
  /** The key that ends the digits at once, and is one of them; `""` for none. */
  readonly terminator: string
  /** The most digits in a turn. */
  readonly max: number
}

/**
 * Gathers up to 32 digits, until `#` or a pause of 2 s.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultOptions: KeyedOptions = { pauseMs: 2_000, terminator: "#", max: 32 }

/**
 * Digits that wait for more.
 *
 * @category models
 * @since 0.1.0
 */
export interface KeyedState {
  readonly digits: string
  /** When `onTime` is due, in ms; `undefined` while no digit waits. */
  readonly deadlineMs: number | undefined
  /** A terminator that comes before this time belongs to digits that were collected without it, in ms. */
  readonly dropTerminatorUntilMs: number
}

/**
 * What a step leaves: the next state, and the digits of a turn that is complete, if one is.
 *
 * @category models
 * @since 0.1.0
 */
export interface KeyedStep {
  readonly state: KeyedState
  readonly turn: string | undefined
}

/**
 * No digit waits.
 *
 * @category constructors
 * @since 0.1.0
 */
export const initial: KeyedState = {
  digits: "",
  deadlineMs: undefined,
  dropTerminatorUntilMs: Number.NEGATIVE_INFINITY
}

const unchanged = (state: KeyedState): KeyedStep => ({ state, turn: undefined })

const complete = (digits: string): KeyedStep => ({ state: initial, turn: digits })

/**
 * A key was pressed.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onDigit = (options: KeyedOptions, state: KeyedState, digit: string, atMs: number): KeyedStep => {
  if (!isKey(digit)) return unchanged(state)
  if (digit === options.terminator && state.digits === "" && atMs < state.dropTerminatorUntilMs) {
    return unchanged(initial)
  }
  const digits = state.digits + digit
  return digit === options.terminator || digits.length >= options.max
    ? complete(digits)
    : unchanged({ ...initial, digits, deadlineMs: atMs + options.pauseMs })
}

/**
 * Nothing was pressed until now.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onTime = (state: KeyedState, atMs: number): KeyedStep =>
  state.deadlineMs === undefined || atMs < state.deadlineMs ? unchanged(state) : complete(state.digits)

/**
 * Digits were collected in full: many callers press the terminator all the same, and it is dropped for one pause.
 *
 * @category transitions
 * @since 0.1.0
 */
export const afterCollection = (options: KeyedOptions, atMs: number): KeyedState => ({
  ...initial,
  dropTerminatorUntilMs: atMs + options.pauseMs
})

/**
 * How an agent reads the digits of a turn.
 *
 * @category conversions
 * @since 0.1.0
 */
export const turnText = (digits: string): string => `The caller pressed ${[...digits].join(" ")}.`
