/**
 * The keys that a session's user presses: collected where something is, else gathered into turns of theirs.
 *
 * Synchronous; only the wait for a collection's result is an effect. Digits are in no log line and no span.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { type BackendError, ContextCanceled, InvalidConfig } from "../../BackendError.ts"
import type { ConversationInput } from "../../conversation/ConversationInput.ts"
import type { ReplySource, State } from "../../conversation/ConversationState.ts"
import * as DigitCollector from "../../conversation/keypad/DigitCollector.ts"
import * as KeyedDigits from "../../conversation/keypad/KeyedDigits.ts"
import type { SessionEnd, SessionEventBody } from "../SessionEvent.ts"
import * as UtteranceQueue from "../UtteranceQueue.ts"
import type { CollectedDigits, DigitCollection } from "./DigitCollection.ts"

/**
 * What the keypad uses of its session.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionKeypadOptions {
  readonly emit: (event: SessionEventBody) => void
  readonly dispatch: (event: ConversationInput) => void
  readonly state: () => State
  /** Time in ms, which never goes back. */
  readonly now: () => number
  /** Whether digits that nobody collects are a turn of the user's. */
  readonly turns: () => boolean
  /** Whether a key may interrupt what the agent says. */
  readonly interruptible: () => boolean
  /** What the user speaks, BCP 47. */
  readonly language: () => string | undefined
  /** What the user says is collected from now on, or not any more: `takesTurns`. */
  readonly onCollecting: () => void
  /** Completes when the session has ended. */
  readonly ended: Deferred.Deferred<SessionEnd>
  /** Runs in the session's scope; a former effect of the name is interrupted. */
  readonly run: (name: string, effect: Effect.Effect<unknown>) => void
  readonly cancel: (name: string) => void
}

interface Collection {
  readonly options: DigitCollector.DigitOptions
  readonly done: Deferred.Deferred<CollectedDigits>
  /** Whether what the user says is the result and nothing else. */
  readonly takesTurns: boolean
  /** The reply that was the last one when it began. */
  readonly epoch: number
  prompt: ReplySource | undefined
  state: DigitCollector.DigitState
}

const TIMER = "keypad"

/**
 * @category models
 * @since 0.1.0
 */
export class SessionKeypad {
  readonly #options: SessionKeypadOptions
  #collection: Collection | undefined
  #keyed = KeyedDigits.initial
  /** A prompt that was still to be said when the caller had pressed a key. */
  #unwanted: ReplySource | undefined
  #timerAtMs: number | undefined

  constructor(options: SessionKeypadOptions) {
    this.#options = options
  }

  /** Whether what the user says is a collection's. */
  get takesTurns(): boolean {
    return this.#collection?.takesTurns === true && this.#collection.options.voice
  }

  /** Whether digits are being collected. */
  get isCollecting(): boolean {
    return this.#collection !== undefined
  }

  /** The user has pressed a key. While digits are collected there is no event of it: they may be secret. */
  digit(digit: string): void {
    const { dispatch, emit, interruptible, now, state, turns } = this.#options
    if (this.#collection !== undefined) return this.#collect({ _tag: "Digit", digit, atMs: now() })
    emit({ type: "dtmf.received", digit })
    if (!turns()) return
    const isFirst = this.#keyed.digits === ""
    this.#gather(KeyedDigits.onDigit(KeyedDigits.defaultOptions, this.#keyed, digit, now()))
    // the caller hears at once that the key counts
    if (isFirst && this.#keyed.digits !== "" && interruptible() && state().agent._tag !== "Silent") {
      dispatch({ _tag: "Interrupt", force: false })
    }
  }

  /** The words of a turn that is collected. */
  spoken(text: string): void {
    this.#collect({ _tag: "Spoken", text, atMs: this.#options.now() })
  }

  /** The conversation has changed. */
  onState(state: State): void {
    const { agent } = state
    const { dispatch, now } = this.#options
    const said = agent._tag === "Active" || agent._tag === "Held" ? agent.reply.source : undefined
    if (said !== undefined && said === this.#unwanted) {
      this.#unwanted = undefined
      return dispatch({ _tag: "Interrupt", force: false })
    }
    const collection = this.#collection
    if (collection === undefined) return
    const speaking = state.user._tag === "Speaking"
    if (speaking !== collection.state.speaking) {
      this.#collect({ _tag: speaking ? "SpeechStarted" : "SpeechStopped", atMs: now() })
    }
    const isPrompted = agent._tag === "Silent" &&
      (collection.prompt === undefined || !state.queue.includes(collection.prompt))
    if (collection.state.prompting && isPrompted) this.#collect({ _tag: "PromptEnded", atMs: now() })
    if (
      !collection.takesTurns && said?._tag === "Answer" && agent._tag !== "Silent" &&
      agent.reply.epoch > collection.epoch
    ) {
      this.#collect({ _tag: "Spoken", text: said.transcript, atMs: now() })
    }
  }

  /**
   * Collects digits. `takesTurns`: what the user says is the result and nothing else; without it, a turn of theirs ends the
   * collection as `spoken`, and the agent answers it. Fails `invalid_config` (`details.reason: "collecting"`) while digits are
   * collected already, and `context_canceled` when the session ends.
   */
  collect(op: string, asked: DigitCollection, takesTurns: boolean): Effect.Effect<CollectedDigits, BackendError> {
    return Effect.acquireUseRelease(
      Effect.suspend(() => this.#begin(op, asked, takesTurns)),
      ({ done }) =>
        Effect.raceFirst(
          Deferred.await(done),
          Effect.andThen(
            Deferred.await(this.#options.ended),
            Effect.fail(new ContextCanceled({ op, message: "the session has ended" }))
          )
        ),
      (collection) => Effect.sync(() => this.#end(collection))
    )
  }

  #begin(op: string, asked: DigitCollection, takesTurns: boolean): Effect.Effect<Collection, BackendError> {
    const { dispatch, language, now, onCollecting, state } = this.#options
    if (this.#collection !== undefined) {
      return Effect.fail(
        new InvalidConfig({ op, message: "digits are being collected already", details: { reason: "collecting" } })
      )
    }
    const { bargeIn, prompt } = asked
    if (prompt.trim() !== "" && UtteranceQueue.isFull(state(), prompt)) return Effect.fail(UtteranceQueue.full(op))
    // what was pressed before is an answer to what the agent has said before
    this.#gather(KeyedDigits.onTime(this.#keyed, Number.POSITIVE_INFINITY))
    const collection: Collection = {
      options: { ...asked, language: language() },
      done: Deferred.makeUnsafe(),
      takesTurns,
      epoch: state().epoch,
      prompt: prompt.trim() === ""
        ? undefined
        : { _tag: "Text", text: prompt, optional: false, uninterruptible: !bargeIn },
      state: DigitCollector.start(now())
    }
    this.#collection = collection
    onCollecting()
    this.#schedule()
    if (collection.prompt !== undefined) dispatch({ _tag: "Say", source: collection.prompt })
    this.onState(state())
    return Effect.succeed(collection)
  }

  #end(collection: Collection): void {
    if (this.#collection !== collection) return
    const { now, onCollecting, state } = this.#options
    this.#collection = undefined
    onCollecting()
    const { prompt, state: { digits, result } } = collection
    if (prompt !== undefined && state().queue.includes(prompt)) this.#unwanted = prompt
    // many callers press the terminator although nothing more is needed
    if (result?._tag === "collected" && result.by === "keypad" && digits.length >= collection.options.max) {
      this.#keyed = KeyedDigits.afterCollection(KeyedDigits.defaultOptions, now())
    }
    this.#schedule()
  }

  #collect(input: DigitCollector.DigitInput): void {
    const collection = this.#collection
    if (collection === undefined) return
    const before = collection.state
    collection.state = DigitCollector.step(collection.options, before, input)
    const { result } = collection.state
    if (result === undefined) this.#schedule()
    else {
      // at once: the next key and the next words are not part of it
      this.#end(collection)
      Deferred.doneUnsafe(collection.done, Effect.succeed(result))
    }
    if (input._tag === "Digit" && before.prompting && !collection.state.prompting) this.#stopPrompt(collection)
  }

  #stopPrompt({ prompt }: Collection): void {
    const { dispatch, state } = this.#options
    const { agent, queue } = state()
    if (prompt !== undefined && queue.includes(prompt)) this.#unwanted = prompt
    if (agent._tag !== "Silent") dispatch({ _tag: "Interrupt", force: false })
  }

  #gather({ state, turn }: KeyedDigits.KeyedStep): void {
    const { dispatch, run } = this.#options
    this.#keyed = state
    this.#schedule()
    if (turn === undefined) return
    const text = KeyedDigits.turnText(turn)
    if (UtteranceQueue.isFullOfTexts(this.#options.state(), text)) {
      return run(`${TIMER}:full`, Effect.logWarning("too many turns wait for an answer: keys of the user were ignored"))
    }
    dispatch({ _tag: "UserText", text })
  }

  /** Sets the timer to the next time at which something is due. */
  #schedule(): void {
    const { cancel, now, run } = this.#options
    const atMs = this.#collection === undefined ? this.#keyed.deadlineMs : this.#collection.state.deadlineMs
    if (atMs === this.#timerAtMs) return
    this.#timerAtMs = atMs
    if (atMs === undefined) return cancel(TIMER)
    // a timer that fires early by a fraction is set again
    const waitMs = Math.max(1, Math.ceil(atMs - now()))
    run(TIMER, Effect.andThen(Effect.sleep(waitMs), Effect.sync(() => this.#onTime())))
  }

  #onTime(): void {
    const atMs = this.#options.now()
    this.#timerAtMs = undefined
    if (this.#collection === undefined) this.#gather(KeyedDigits.onTime(this.#keyed, atMs))
    else {
      this.#collect({ _tag: "Time", atMs })
    }
  }
}
