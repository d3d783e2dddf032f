/**
 * What answers the user: a callback, a stream of text, a language model.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { BackendError } from "../BackendError.ts"
import type { HistoryItem } from "../conversation/History.ts"
import * as TelemetryContext from "../telemetry/TelemetryContext.ts"
import * as LanguageModelErrors from "./LanguageModelErrors.ts"

/**
 * A turn for the agent to answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface AgentInput {
  /** What the user said in this turn. */
  readonly transcript: string
  /** What was said before, as it was heard; without this turn. */
  readonly history: ReadonlyArray<HistoryItem>
  readonly sessionId: string
  readonly userId: string
  readonly turn: number
  readonly metadata: { readonly [key: string]: unknown }
  /**
   * Completes when the turn is over and this answer is the one that will be heard. An answer may be asked for ahead of
   * that (`speculation`), and be dropped: await it before doing what cannot be undone.
   */
  readonly committed: Effect.Effect<void>
  /** The session itself, for what goes beyond this turn; none where somebody else asks the agent. */
  readonly session?: AgentSession | undefined
}

/**
 * An agent answers a turn with a stream of text, in pieces of any size; the stream is interrupted when the user
 * interrupts. A failure is spoken as an apology and does not end the session.
 *
 * @category models
 * @since 0.1.0
 */
export interface Agent<out R = never> {
  /** The name under which an `AgentRegistry` knows it; sessions whose agent has none can't be restored. */
  readonly name: string | undefined
  readonly respond: (input: AgentInput) => Stream.Stream<string, BackendError, R>
}

/**
 * What happens to a tool that an agent uses; a session's `tool.started` and `tool.finished`.
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
 * A session, as its agents see it; the same object for all answers of one session.
 *
 * @category models
 * @since 0.1.0
 */
export interface AgentSession {
  /** Runs what an interruption does not end: it is interrupted with the session. */
  readonly background: (effect: Effect.Effect<void>) => Effect.Effect<void>
  /** Tells the session's listeners of a tool; nobody, once the session has ended. Synchronous. */
  readonly publish: (event: ToolEvent) => void
  /**
   * Gives the session to a registered agent, from the next turn on; whoever calls it in a turn lets the new agent go on
   * with that turn. Kept with the session. Fails `invalid_config` when there is no such agent.
   */
  readonly handOver: (name: string, turn: number) => Effect.Effect<Agent, BackendError>
}

/**
 * Makes an agent of a function that answers with a stream of text. Any failure or defect becomes `agent_error`.
 *
 * **Example** (Speaking as the words come)
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
  options?: { readonly name?: string | undefined }
): Agent<R> => ({
  name: options?.name,
  respond: (input) =>
    Stream.suspend(() => respond(input.transcript, input)).pipe(
      Stream.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Stream.fromEffect(Effect.interrupt)
          : Stream.fail(LanguageModelErrors.fromCause(cause))
      )
    )
})

/**
 * Makes an agent of a function that answers with the whole text at once: the contract's callback.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromCallback = <E, R = never>(
  respond: (transcript: string, input: AgentInput) => Effect.Effect<string, E, R>,
  options?: { readonly name?: string | undefined }
): Agent<R> => fromStream((transcript, input) => Stream.fromEffect(respond(transcript, input)), options)

/**
 * Gives an agent the services that it needs, from where this effect runs.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withContext = <R>(agent: Agent<R>): Effect.Effect<Agent, never, R> =>
  Effect.map(Effect.context<R>(), (context) => ({
    name: agent.name,
    respond: (input) => Stream.updateContext(agent.respond(input), TelemetryContext.mergeContext(context))
  }))
