/**
 * Agents: a callback, a stream of text, or a language model that answers the user's turns.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { BackendError } from "../BackendError.ts"
import type { LanguageChange } from "../LanguageChange.ts"
import * as AgentAnswer from "./AgentAnswer.ts"
import type { AgentCall } from "./AgentCall.ts"
import * as CallContext from "./CallContext.ts"
import type { HistorySettings } from "./HistorySettings.ts"
import type { ClientToolChoice, ClientToolkit } from "./tools/ClientTools.ts"

/**
 * A turn for the agent to answer, and the call that it belongs to.
 *
 * @category models
 * @since 0.1.0
 */
export interface AgentInput extends CallContext.CallContext {
  /** What the user said in this turn; empty where the agent is asked to go on without it (`Respond` of `VoiceSession.control`). */
  readonly transcript: string
  /**
   * Completes when the turn is over and this answer will be played. A preemptive reply (`speculation`) starts before that
   * and may be dropped, so await this before an action that cannot be undone.
   */
  readonly committed: Effect.Effect<void>
  /**
   * What the user's client asks of this answer, where its protocol has it; a language model's agent adds it to its own instructions.
   * It comes from outside. Default: nothing.
   */
  readonly instructions?: string | undefined
  /** The session, for work that outlives this turn; undefined when the agent is asked outside of a session. */
  readonly session?: AgentSession | undefined
}

/**
 * Answers a turn with a stream of text, in pieces of any size. The stream is interrupted when the user interrupts the agent.
 * After a failure the agent apologizes, and the session continues.
 *
 * @category models
 * @since 0.1.0
 */
export interface Agent<out R = never> {
  /** Its name in the `AgentRegistry`, and in the log. A session to which an agent without a name was given cannot be restored. */
  readonly name: string | undefined
  /**
   * What it says when a user first attaches, where the policy has no `greeting` and its turns are answered by it alone (not in
   * a speech-to-speech pipeline). At most 4,096 characters; default: nothing.
   */
  readonly greeting?: string | undefined
  /** Answers what the user said; interrupted when the user interrupts. */
  readonly respond: (input: AgentInput) => Stream.Stream<string, BackendError, R>
}

/**
 * What an agent needs: `Services<Agent<R>>` is `R`; of a union, what any of them needs.
 *
 * @category models
 * @since 0.1.0
 */
export type Services<A> = A extends Agent<infer R> ? R : never

/**
 * A tool call of an agent has started or finished: the session's `tool.started` and `tool.finished`.
 *
 * @category models
 * @since 0.1.0
 */
export type ToolEvent =
  | { readonly type: "tool.started"; readonly turn: number; readonly name: string; readonly id: string }
  | {
    readonly type: "tool.finished"
    readonly turn: number
    readonly name: string
    readonly id: string
    readonly ok: boolean
  }

/**
 * What the user's client tells the agent, and the tools that it runs, where its protocol has it.
 *
 * @category models
 * @since 0.1.0
 */
export interface AgentClient {
  readonly instructions: string | undefined
  readonly toolkit: ClientToolkit
  readonly toolChoice: ClientToolChoice
}

/**
 * A session as its agents see it. It is the same object for all answers of one session.
 *
 * @category models
 * @since 0.1.0
 */
export interface AgentSession {
  /** Runs an effect that an interruption does not end; it is interrupted when the session ends. */
  readonly background: (effect: Effect.Effect<void>) => Effect.Effect<void>
  /** The backend's `history`: how much of the conversation a language model is told. */
  readonly history?: HistorySettings | undefined
  /** Emits an event of the session; does nothing once the session has ended. Synchronous. */
  readonly publish: (event: ToolEvent) => void
  /**
   * Hands the session over to a registered agent, which answers from the next turn on; the caller lets it continue the
   * present turn. The choice is part of the session's snapshot. Fails `invalid_config` for an unknown agent.
   */
  readonly handOver: (name: string, turn: number) => Effect.Effect<Agent, BackendError>
  /** What the user's client tells the agent now, and the tools that it runs. Default: nothing. */
  readonly client?: AgentClient | undefined
  /** What can be done with the telephone call of the session. */
  readonly call?: AgentCall | undefined
  /** `VoiceSession.setLanguage`. */
  readonly setLanguage?: ((language: string) => Effect.Effect<LanguageChange, BackendError>) | undefined
}

/**
 * What an agent has besides its answers; see `Agent`.
 *
 * @category models
 * @since 0.1.0
 */
export type AgentOptions = Partial<Pick<Agent, "greeting" | "name">>

/**
 * Makes an agent from a function that answers with a stream of text. Any failure or defect becomes `agent_error`.
 *
 * **Example** (Speaking while the text arrives)
 *
 * ```ts
 * import { Agent } from "effect-voice"
 * import * as Stream from "effect/Stream"
 *
 * export const parrot = Agent.fromStream((transcript) => Stream.make("You said: ", transcript))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromStream = <E, R = never>(
  respond: (transcript: string, input: AgentInput) => Stream.Stream<string, E, R>,
  options?: AgentOptions
): Agent<R> => ({
  name: options?.name,
  greeting: options?.greeting,
  respond: (input) => AgentAnswer.make(() => respond(input.transcript, input)).pipe(CallContext.orWithin(input))
})

/**
 * Makes an agent from a function that answers with the whole text at once: the contract's callback.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromCallback = <E, R = never>(
  respond: (transcript: string, input: AgentInput) => Effect.Effect<string, E, R>,
  options?: AgentOptions
): Agent<R> => ({
  name: options?.name,
  greeting: options?.greeting,
  respond: (input) =>
    AgentAnswer.make(() => AgentAnswer.whole(respond(input.transcript, input))).pipe(CallContext.orWithin(input))
})

/**
 * Provides an agent with the services that it needs, from the context in which this effect runs, and with a `Scope` of each
 * answer: what an answer acquires is released when it is over, or interrupted. The layers of a backend and of the `AgentRegistry`
 * do this by themselves; it is for an agent that is given to a running backend (`createSession`, `setAgent`, `register`).
 *
 * @category combinators
 * @since 0.1.0
 */
export const withContext = <R>(agent: Agent<R>): Effect.Effect<Agent, never, Exclude<R, Scope.Scope>> =>
  Effect.map(Effect.context<Exclude<R, Scope.Scope>>(), (context) => ({
    name: agent.name,
    greeting: agent.greeting,
    respond: (input) =>
      Stream.updateContext(
        // within what is provided: the context may have a scope, which lives as long as its layer
        Stream.scoped(AgentAnswer.make(() => agent.respond(input))),
        CallContext.mergeContext(context)
      )
  }))
