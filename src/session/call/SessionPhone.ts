/**
 * What a session does with its call: keys, transfer, hanging up, hold and mute.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Dtmf from "../../audio/Dtmf.ts"
import { type BackendError, InvalidConfig } from "../../BackendError.ts"
import type { State } from "../../conversation/ConversationState.ts"
import * as ThrownValue from "../../ThrownValue.ts"
import type { SessionEnd } from "../SessionEvent.ts"
import type { CallCommand } from "./CallCommand.ts"
import type { CallControl, CallEvent, MachinePlan } from "./CallControl.ts"
import { SessionKeypad, type SessionKeypadOptions } from "./SessionKeypad.ts"
import { SessionMachine, type SessionMachineOptions } from "./SessionMachine.ts"

/**
 * What the call uses of its session.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionPhoneOptions
  extends Omit<SessionKeypadOptions, "turns" | "onCollecting">, Pick<SessionMachineOptions, "onQuiet">
{
  /** Whether what the user says is not the agent's to answer. */
  readonly onCollecting: (collecting: boolean) => void
  /** Whether the session goes on that had a connection already: who has answered its call is known. */
  readonly resumed: boolean
  /** What happens when an answering machine answers, as the call was asked for. */
  readonly machine: MachinePlan | undefined
  readonly drain: (reason: SessionEnd) => void
  /** Another registered agent answers from now on. */
  readonly handOver: (agent: string) => Effect.Effect<unknown, BackendError>
  readonly onHeld: (held: boolean) => void
  readonly isClosed: () => boolean
  /** The rate of what the user hears now, in Hz. */
  readonly outputRate: () => number
  /** Plays audio at that rate to its end, when the agent is silent. */
  readonly play: (op: string, pcm: Int16Array) => Effect.Effect<void, BackendError>
}

/** How long a transferred call may ring, and wait in a queue, before the carrier gives it back. */
const MAX_TRANSFER = Duration.minutes(5)

/** Why a session has ended whose call has ended so. */
const endOf = (cause: Extract<CallEvent, { readonly type: "call.ended" }>["cause"]): SessionEnd => {
  switch (cause) {
    case "user_hung_up":
      return "user_ended"
    case "agent_hung_up":
    case "machine":
      return "hung_up"
    case "transferred":
      return "transferred"
    default:
      return "not_reached"
  }
}

/**
 * @category models
 * @since 0.1.0
 */
export class SessionPhone {
  readonly keypad: SessionKeypad
  readonly machine: SessionMachine
  #isListening = false
  readonly #options: SessionPhoneOptions
  #control: CallControl | undefined
  #answered = false
  #held = false
  #transferring = false
  #muted = false

  constructor(options: SessionPhoneOptions) {
    this.#options = options
    const onCollecting = () => options.onCollecting(this.#isListening || this.keypad.takesTurns)
    this.keypad = new SessionKeypad({ ...options, turns: () => this.#control?.keypadTurns === true, onCollecting })
    this.machine = new SessionMachine({
      ...options,
      onListening: (listening) => {
        this.#isListening = listening
        onCollecting()
      }
    })
  }

  /** The call; `undefined` where the session has none. */
  get control(): CallControl | undefined {
    return this.#control
  }

  /** How long the user is waited for at least when their connection is gone: until a transfer has succeeded or failed. */
  readonly leastWindow = (): Duration.Duration | undefined => this.#transferring ? MAX_TRANSFER : undefined

  /** Whether the user's audio reaches the agent. */
  get hears(): boolean {
    return !this.#held && !this.#muted
  }

  /** Whether the user hears nothing of the agent. */
  get held(): boolean {
    return this.#held
  }

  /** The session's call, once its provider has opened it. Runs until the call has no more events. */
  follow(control: CallControl): Effect.Effect<void> {
    this.#control = control
    if (!this.#options.resumed) this.machine.begin(control.machine ?? this.#options.machine)
    return control.events.pipe(
      Stream.runForEach((event) => Effect.sync(() => this.#onEvent(event))),
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.void
          : Effect.logError("the events of the call failed", ThrownValue.loggable(cause))
      )
    )
  }

  /** Does what is asked; it has been checked. */
  run(op: string, command: CallCommand): Effect.Effect<void, BackendError> {
    const { drain, handOver } = this.#options
    switch (command.action) {
      case "send_dtmf":
        return this.#sendDtmf(op, command.digits)
      case "transfer": {
        const { target } = command
        if (typeof target === "object" && "agent" in target) return Effect.asVoid(handOver(target.agent))
        const transfer = this.#control?.transfer
        return transfer === undefined ? this.#unsupported(op, "transfer a call") : transfer(target, command)
      }
      case "hang_up":
        return Effect.sync(() => drain("hung_up"))
      case "hold":
        return Effect.sync(() => this.#hold(command.on))
      case "mute":
        return Effect.sync(() => this.#mute(command.on))
    }
  }

  /** Nobody has come within the time that the call may take: it is over. */
  notReached(): void {
    this.#onEvent({ type: "call.ended", cause: this.#answered ? "failed" : "no_answer" })
  }

  /** The user has pressed a key. */
  digit(digit: string): void {
    if (!this.#options.isClosed()) this.keypad.digit(digit)
  }

  /** The words of a turn that is not the agent's to answer. */
  spoken(text: string): void {
    if (this.keypad.takesTurns) this.keypad.spoken(text)
    else this.machine.spoken(text)
  }

  /** The conversation has changed. */
  onState(state: State): void {
    this.keypad.onState(state)
    this.machine.onState(state)
  }

  #sendDtmf(op: string, digits: string): Effect.Effect<void, BackendError> {
    if (this.#control === undefined) return this.#unsupported(op, "send keys")
    if (this.#control.sendDtmf !== undefined) return this.#control.sendDtmf(digits)
    const { outputRate, play } = this.#options
    return Effect.suspend(() => play(op, Dtmf.tones(digits, { sampleRate: outputRate() })))
  }

  #unsupported(op: string, what: string): Effect.Effect<never, InvalidConfig> {
    return Effect.fail(
      new InvalidConfig({
        op,
        message: this.#control === undefined
          ? "the session has no telephone call"
          : `the carrier of this call cannot ${what}`,
        details: { reason: this.#control === undefined ? "no_call" : "unsupported" }
      })
    )
  }

  #hold(on: boolean): void {
    if (this.#held === on) return
    this.#held = on
    this.#options.onHeld(on)
    this.#options.emit({ type: on ? "call.held" : "call.resumed" })
    this.#options.dispatch({ _tag: "Hold", on })
  }

  #mute(on: boolean): void {
    if (this.#muted === on) return
    this.#muted = on
    this.#options.emit({ type: on ? "call.muted" : "call.unmuted" })
  }

  #onEvent(event: CallEvent): void {
    if (this.#options.isClosed()) return
    if (event.type === "call.answered") this.#answered = true
    if (event.type === "call.transferring") this.#transferring = true
    if (event.type === "call.transfer_failed") this.#transferring = false
    if (this.machine.onEvent(event)) this.#options.emit(event)
    if (event.type === "call.ended") this.#options.dispatch({ _tag: "Close", reason: endOf(event.cause) })
  }
}
