/**
 * Collects the digits that a caller presses, or says instead: a pure state machine.
 *
 * It knows no clock: inputs carry their time, and the state says until when nothing needs to be asked (`deadlineMs`). Whoever
 * runs it hands in `Time` then.
 *
 * @since 0.1.0
 */
import { isKey } from "./Key.ts"
import * as SpokenDigits from "./SpokenDigits.ts"

/**
 * What is to be collected.
 *
 * @category models
 * @since 0.1.0
 */
export interface DigitOptions {
  /** The fewest digits that are a result. */
  readonly min: number
  /** The most digits: they are collected as soon as the last one is pressed. */
  readonly max: number
  /** The key that ends the input and is no part of it; `""` for none. */
  readonly terminator: string
  /** How long to wait for the first digit, in ms, from the end of the prompt on. */
  readonly firstDigitTimeoutMs: number
  /** How long to wait for another digit, in ms; then what was pressed counts. */
  readonly interDigitTimeoutMs: number
  /** Whether a digit ends the prompt; if not, digits pressed during it are dropped. */
  readonly bargeIn: boolean
  /** Whether what the caller says counts too. */
  readonly voice: boolean
  /** The language of spoken digits, a BCP 47 tag; English when undefined. */
  readonly language?: string | undefined
}

/**
 * What came of it.
 *
 * - `collected`: as many digits as were asked for, by the keypad or spoken as digits.
 * - `spoken`: the caller said something that is not such digits.
 * - `too_short`: fewer digits than `min`, and then the terminator or nothing more.
 * - `no_input`: nothing in time.
 *
 * @category models
 * @since 0.1.0
 */
export type DigitResult =
  | { readonly _tag: "collected"; readonly digits: string; readonly by: "keypad" | "voice" }
  | { readonly _tag: "spoken"; readonly text: string }
  | { readonly _tag: "too_short"; readonly digits: string }
  | { readonly _tag: "no_input" }

/**
 * What happens to a collection.
 *
 * - `PromptEnded`: the prompt was said to its end, or there is none.
 * - `Digit`: a key was pressed.
 * - `SpeechStarted`, `SpeechStopped`: the caller begins and ends to speak; no time-out fires in between, for up to a minute.
 * - `Spoken`: the words of the caller's whole turn.
 * - `Time`: nothing else happened until now.
 *
 * @category models
 * @since 0.1.0
 */
export type DigitInput =
  & { readonly atMs: number }
  & (
    | { readonly _tag: "PromptEnded" }
    | { readonly _tag: "Digit"; readonly digit: string }
    | { readonly _tag: "SpeechStarted" }
    | { readonly _tag: "SpeechStopped" }
    | { readonly _tag: "Spoken"; readonly text: string }
    | { readonly _tag: "Time" }
  )

/**
 * A collection under way.
 *
 * @category models
 * @since 0.1.0
 */
export interface DigitState {
  readonly digits: string
  /** Whether the prompt is still being said; a `Digit` that ends this must stop it. */
  readonly prompting: boolean
  /** Whether the caller is speaking. */
  readonly speaking: boolean
  /** When `Time` is due, in ms; `undefined` once there is a result. */
  readonly deadlineMs: number | undefined
  /** The result; nothing changes any more. */
  readonly result: DigitResult | undefined
}

/** A prompt is at most so long; then the caller's time begins. */
const MAX_PROMPT_MS = 300_000
/** How long a caller may speak, or noise may pass for speech, until the collection goes on without it. */
const MAX_SPEECH_MS = 60_000
/** How long the words of a caller who has stopped speaking are awaited at least. */
const MIN_TRANSCRIPT_MS = 3_000

/**
 * A collection whose prompt is about to be said.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = (atMs: number): DigitState => ({
  digits: "",
  prompting: true,
  speaking: false,
  deadlineMs: atMs + MAX_PROMPT_MS,
  result: undefined
})

const finish = (state: DigitState, result: DigitResult): DigitState => ({ ...state, deadlineMs: undefined, result })

/** The time-out from now on: of the prompt, for another digit, or for the first one. */
const waiting = (options: DigitOptions, state: DigitState, atMs: number): DigitState => ({
  ...state,
  deadlineMs: atMs + (state.prompting
    ? MAX_PROMPT_MS
    : state.digits === ""
    ? options.firstDigitTimeoutMs
    : options.interDigitTimeoutMs)
})

const onPromptEnded = (options: DigitOptions, state: DigitState, atMs: number): DigitState => {
  if (!state.prompting) return state
  const heard = { ...state, prompting: false }
  return state.speaking ? heard : waiting(options, heard, atMs)
}

const onSpeechStopped = (options: DigitOptions, state: DigitState, atMs: number): DigitState => {
  const next = waiting(options, { ...state, speaking: false }, atMs)
  return { ...next, deadlineMs: Math.max(next.deadlineMs ?? 0, atMs + MIN_TRANSCRIPT_MS) }
}

/** What the digits pressed so far are worth when no more come. */
const pressed = (options: DigitOptions, digits: string): DigitResult =>
  digits.length < options.min ? { _tag: "too_short", digits } : { _tag: "collected", digits, by: "keypad" }

const onDigit = (options: DigitOptions, state: DigitState, digit: string, atMs: number): DigitState => {
  if (!isKey(digit) || (state.prompting && !options.bargeIn)) return state
  const heard = { ...state, prompting: false }
  if (digit === options.terminator) return finish(heard, pressed(options, state.digits))
  const digits = state.digits + digit
  // a caller who presses a key no longer answers by voice
  const next = { ...heard, digits, speaking: false }
  return digits.length >= options.max
    ? finish(next, { _tag: "collected", digits, by: "keypad" })
    : waiting(options, next, atMs)
}

const onSpoken = (options: DigitOptions, state: DigitState, text: string): DigitState => {
  const digits = SpokenDigits.parse(text, options.language)
  return finish(
    state,
    digits !== undefined && digits.length >= options.min && digits.length <= options.max
      ? { _tag: "collected", digits, by: "voice" }
      : { _tag: "spoken", text }
  )
}

/**
 * Takes one input; a collection with a result takes none.
 *
 * @category transitions
 * @since 0.1.0
 */
export const step = (options: DigitOptions, state: DigitState, input: DigitInput): DigitState => {
  if (state.result !== undefined) return state
  switch (input._tag) {
    case "PromptEnded":
      return onPromptEnded(options, state, input.atMs)
    case "Digit":
      return onDigit(options, state, input.digit, input.atMs)
    case "SpeechStarted":
      return options.voice ? { ...state, speaking: true, deadlineMs: input.atMs + MAX_SPEECH_MS } : state
    case "SpeechStopped":
      return options.voice && state.speaking ? onSpeechStopped(options, state, input.atMs) : state
    case "Spoken":
      return options.voice && input.text.trim() !== "" ? onSpoken(options, state, input.text.trim()) : state
    case "Time":
      if (state.deadlineMs === undefined || input.atMs < state.deadlineMs) return state
      if (state.prompting) return onPromptEnded(options, { ...state, speaking: false }, input.atMs)
      return finish(state, state.digits === "" ? { _tag: "no_input" } : pressed(options, state.digits))
  }
}
