/**
 * The agent of a session, and the session as its agent sees it.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import type { Agent, AgentClient, AgentSession, ToolEvent } from "../agent/Agent.ts"
import type { AgentCall } from "../agent/AgentCall.ts"
import * as CallContext from "../agent/CallContext.ts"
import { type BackendError, SessionNotFound } from "../BackendError.ts"
import type { LanguageChange } from "../LanguageChange.ts"
import * as ThrownValue from "../ThrownValue.ts"
import { SessionClient } from "./SessionClient.ts"
import { decodeSpeech } from "./SessionConfig.ts"
import type { SessionEventBody } from "./SessionEvent.ts"
import type { SessionOptions } from "./SessionOptions.ts"
import type { UserConnection } from "./UserConnection.ts"

/**
 * Fails an operation on a session that has ended.
 *
 * @category errors
 * @since 0.1.0
 */
export const hasEnded = (op: string, id: string): SessionNotFound =>
  new SessionNotFound({ op, message: `session ${id} has ended`, details: { session: id } })

/**
 * What the agent needs of its session.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionAgentOptions extends Pick<SessionOptions, "id" | "agent" | "config" | "findAgent" | "history"> {
  readonly isClosed: () => boolean
  /** The connection of the user, now. */
  readonly connection: () => UserConnection | undefined
  readonly emit: (event: SessionEventBody) => void
  /** What the user's client tells the agent has changed. */
  readonly onClient: (client: AgentClient) => void
  /** Called when another agent must be stored. */
  readonly onHandOver: () => void
  /** Takes a language that is well-formed. */
  readonly setLanguage: (language: string) => LanguageChange
  /** Runs in the session's scope; a former effect of the name is interrupted. */
  readonly run: (name: string, effect: Effect.Effect<unknown>) => void
}

/** What work in the background keeps of where it began. */
const kept = (context: Context.Context<never>): Context.Context<never> =>
  Context.merge(CallContext.pick(context), logAnnotations(context))
const logAnnotations = Context.pick(References.CurrentLogAnnotations)

/**
 * @category models
 * @since 0.1.0
 */
export class SessionAgent implements AgentSession {
  /** Answers the next turn. */
  current: Agent
  /** The name under which the registry knows the agent, where the session was given a name. Stored with the session. */
  registeredName: string | undefined
  /** Set when the session is assembled. */
  call: AgentCall | undefined
  /** Its calls of tools go to the present connection. */
  readonly userClient: SessionClient
  readonly #options: SessionAgentOptions
  #backgroundTasks = 0

  constructor(options: SessionAgentOptions) {
    this.#options = options
    this.current = options.agent
    this.userClient = new SessionClient(options.connection, options.onClient)
    this.registeredName = typeof options.config.agent === "string" ? options.config.agent : undefined
  }

  get history(): SessionOptions["history"] {
    return this.#options.history
  }

  get client(): AgentClient | undefined {
    return this.userClient.current
  }

  get name(): string | undefined {
    return this.registeredName ?? this.current.name
  }

  /** It keeps its call, and its log lines have the turn in which it began. */
  readonly background = (effect: Effect.Effect<void>): Effect.Effect<void> =>
    Effect.map(Effect.context<never>(), (context) => {
      const logged = Effect.catchCause(effect, (cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.void
          : this.#logBackground(cause))
      this.#options.run(
        `background:${++this.#backgroundTasks}`,
        Effect.updateContext(logged, (now: Context.Context<never>) => Context.merge(now, kept(context)))
      )
    })

  #logBackground(cause: Cause.Cause<unknown>): Effect.Effect<void> {
    const line = Effect.logError("work that the agent left in the background failed", ThrownValue.loggable(cause))
    return this.name === undefined ? line : Effect.annotateLogs(line, { agent: this.name })
  }

  readonly publish = (event: ToolEvent): void => {
    if (!this.#options.isClosed()) this.#options.emit(event)
  }

  readonly setLanguage = (language: string): Effect.Effect<LanguageChange, BackendError> =>
    Effect.suspend((): Effect.Effect<LanguageChange, BackendError> => {
      const { id, isClosed, setLanguage } = this.#options
      if (isClosed()) return Effect.fail(hasEnded("Agent.setLanguage", id))
      return Effect.map(decodeSpeech("Agent.setLanguage", { language }), () => setLanguage(language))
    })

  readonly handOver = (name: string, turn: number): Effect.Effect<Agent, BackendError> =>
    Effect.suspend(() => {
      const { emit, findAgent, id, isClosed, onHandOver } = this.#options
      if (isClosed()) return Effect.fail(hasEnded("Agent.handOver", id))
      return Effect.map(findAgent(name), (next) => {
        const from = this.name
        emit({ type: "agent.handed_over", turn, ...(from === undefined ? {} : { from }), to: name })
        this.current = next
        this.registeredName = name
        onHandOver()
        return next
      })
    })
}
