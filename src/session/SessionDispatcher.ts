/**
 * Runs a session's conversation: one event at a time through the machine, and its commands through the session.
 *
 * Synchronous and re-entrant: an event that is dispatched within a step waits for its end. A defect, wherever it is thrown,
 * ends the conversation as `failed`: the commands of the step are carried out as far as they can be, and whatever else
 * fails then, the last command is `Close`.
 *
 * @since 0.1.0
 */
import { PipelineError } from "../BackendError.ts"
import * as Conversation from "../conversation/Conversation.ts"
import type { Command } from "../conversation/ConversationCommand.ts"
import type { ConversationInput, TimedInput } from "../conversation/ConversationInput.ts"
import type { ConversationOptions } from "../conversation/ConversationOptions.ts"
import type { State } from "../conversation/ConversationState.ts"
import type { SessionObserver } from "./tracing/SessionObserver.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionDispatcherOptions {
  readonly settings: ConversationOptions
  /** Where the conversation begins. */
  readonly initial: State
  /** Unix time in ms. */
  readonly now: () => number
  readonly observer: SessionObserver | undefined
  /** What of the present reply is still to be heard. */
  readonly left: () => TimedInput["left"]
  /** Carries out a command. */
  readonly execute: (command: Command) => void
  /** Called after an event that changed what must be stored. */
  readonly onChange: () => void
  /** Whether events may be carried out now; those that may not wait for `goOn`. */
  readonly mayAct: () => boolean
  /** Called when all events have been carried out. */
  readonly onIdle: () => void
  /** Called with each defect; the first one ends the conversation. */
  readonly onDefect: (error: PipelineError, isFirst: boolean) => void
}

/** Inputs by which the conversation judges what the user says over the agent. */
const hearsUser: ReadonlySet<ConversationInput["_tag"]> = new Set<ConversationInput["_tag"]>([
  "SpeechStarted",
  "SpeechStopped",
  "Interim",
  "Final",
  "Finalized",
  "EndOfTurn",
  "EndOfTurnPredicted",
  "TimerFired"
])

/** Changes that must be stored beyond the history and the queue: the words that have been spoken. */
const mustBeStored = ({ _tag }: TimedInput): boolean => _tag === "ReplyText" || _tag === "ReplyAudible"

/**
 * @category models
 * @since 0.1.0
 */
export class SessionDispatcher {
  /** The conversation now. */
  state: State
  readonly #options: SessionDispatcherOptions
  /** Events that wait for the step in progress, or until the session may act. */
  readonly #waiting: Array<TimedInput> = []
  #stepping = false
  #failed = false
  #stopped = false

  constructor(options: SessionDispatcherOptions) {
    this.#options = options
    this.state = options.initial
  }

  get isClosed(): boolean {
    return this.state.lifecycle._tag === "Closed"
  }

  /** Gives an input to the conversation, and carries out its commands. */
  dispatch(input: ConversationInput): void {
    if (this.#stopped) return
    try {
      this.#options.observer?.dispatched(input)
      this.#waiting.push(this.#timed(input))
      this.#goOn()
    } catch (cause) {
      this.fail(cause)
    }
  }

  /** Carries out what waits, if the session may act. */
  goOn(): void {
    try {
      this.#goOn()
    } catch (cause) {
      this.fail(cause)
    }
  }

  #goOn(): void {
    if (this.#stepping || this.#stopped || this.#waiting.length === 0 || !this.#options.mayAct()) return
    this.#run()
    this.#options.onIdle()
  }

  /** Forgets what waits. */
  discard(): void {
    this.#waiting.length = 0
  }

  /** Dispatches within a step, before everything that waits. */
  dispatchNext(input: ConversationInput): void {
    this.#waiting.unshift({ ...input, atMs: this.#options.now() })
  }

  #timed(input: ConversationInput): TimedInput {
    const { left, now } = this.#options
    return hearsUser.has(input._tag) ? { ...input, atMs: now(), left: left() } : { ...input, atMs: now() }
  }

  /** Ends the conversation after a defect. */
  fail(cause: unknown): void {
    if (this.#stopped) return
    const isFirst = !this.#failed
    this.#failed = true
    if (isFirst) this.dispatchNext({ _tag: "Close", reason: "failed" })
    const error = new PipelineError({
      op: "VoiceSession.dispatch",
      message: "internal error: the session was closed",
      cause,
      retryable: false
    })
    try {
      this.#options.onDefect(error, isFirst)
    } catch (another) {
      // a later defect only writes a log line, which does not throw
      if (isFirst) this.fail(another)
    }
    if (isFirst && !this.#stepping) this.#run()
  }

  /** Ignores everything from now on: the session's fibers are gone. */
  stop(): void {
    this.#stopped = true
  }

  #run(): void {
    this.#stepping = true
    for (let event = this.#waiting.shift(); event !== undefined; event = this.#waiting.shift()) this.#step(event)
    if (this.#failed && !this.isClosed) this.#forceClose()
    this.#stepping = false
  }

  #step(event: TimedInput): void {
    try {
      const { queue } = this.state
      const { commands, state } = Conversation.step(this.#options.settings, this.state, event)
      this.state = state
      for (const command of commands) this.#carryOut(command)
      if (mustBeStored(event) || this.state.queue !== queue) this.#options.onChange()
    } catch (cause) {
      this.fail(cause)
    }
  }

  /** A command that throws does not keep the rest of its step from being carried out. */
  #carryOut(command: Command): void {
    try {
      this.#options.execute(command)
    } catch (cause) {
      this.fail(cause)
    }
  }

  /** The way out when the conversation waits for something that has failed. */
  #forceClose(): void {
    const { agent } = this.state
    if (agent._tag === "Ending") {
      this.#step({ _tag: "ReplyEnded", epoch: agent.reply.epoch, text: "", atMs: this.#options.now() })
    }
    if (this.isClosed) return
    this.state = { ...this.state, lifecycle: { _tag: "Closed", reason: "failed" } }
    this.#carryOut({ _tag: "Close", reason: "failed" })
  }
}
