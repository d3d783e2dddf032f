/**
 * The outputs of a client's tools, between the call and our session.
 *
 * A reply that has called a tool of the client ends its response there, and waits for the output. That waits for the
 * `response.create` behind it: the rest of the reply is the next response. What the agent still had to say meanwhile is a response that
 * nobody has asked for: then the output is passed on at once, and the `response.create` begins yet another response with what is left of
 * the reply, which may be nothing.
 *
 * @since 0.1.0
 */
import type { Control } from "./ToldSettings.ts"

/** How many calls wait for their outputs. */
const MAX_CALLS = 256

/**
 * @category models
 * @since 0.1.0
 */
export class ToolOutputs {
  /** Calls whose outputs have not been passed on, with those that have come. */
  readonly #calls = new Map<string, string | undefined>()
  #held = 0
  /** Whether the client wants the reply that has called its tools to go on. */
  #goesOn = false
  /** Whether an output was passed on before the client has asked for a response to it. */
  #isOwed = false
  #isReplyOpen = false

  /** Whether a response that the client asks for is one to outputs. */
  get isAwaited(): boolean {
    return this.#calls.size > 0 || this.#isOwed
  }

  /** Whether outputs wait for the client to ask for a response. */
  get isHolding(): boolean {
    return this.#held > 0
  }

  /** Whether the reply that has called tools of the client may go on. */
  get isReplyOpen(): boolean {
    return this.#isReplyOpen
  }

  /** The agent calls a tool of the client. */
  called(id: string): void {
    if (this.#calls.size >= MAX_CALLS) {
      const [oldest] = this.#calls.keys()
      if (oldest !== undefined) this.#calls.delete(oldest)
    }
    this.#calls.set(id, undefined)
    this.#goesOn = false
    this.#isReplyOpen = true
  }

  /** An output has come; it is passed on at once where a response is in progress. */
  take(id: string, output: string, isActive: boolean, control: Control): void {
    if (!this.#calls.has(id) || this.#calls.get(id) !== undefined) return
    this.#calls.set(id, output)
    this.#held++
    if (this.#goesOn) this.#pass(control)
    else if (isActive) this.passEarly(control)
  }

  /** Passes on what waits, before the client has asked for a response. */
  passEarly(control: Control): void {
    this.#isOwed = true
    this.#pass(control)
  }

  /** The client has asked for a response to the outputs. */
  requested(control: Control): void {
    this.#goesOn = true
    this.#isOwed = false
    this.#pass(control)
  }

  /** The reply has ended: nothing waits for the outputs of its tools. */
  replyEnded(): void {
    this.#calls.clear()
    this.#held = 0
    this.#goesOn = false
    this.#isReplyOpen = false
  }

  /** The user has spoken: a response that is asked for now is one to that. */
  userSpoke(): void {
    this.#isOwed = false
  }

  /** Gives our session the outputs that it waits for. One that it does not want any more is of a reply that has ended. */
  #pass(control: Control): void {
    this.#held = 0
    for (const [id, output] of Array.from(this.#calls)) {
      if (output === undefined) continue
      this.#calls.delete(id)
      control({ _tag: "ToolResult", id, output })
    }
  }
}
