/**
 * The call in which an agent answers or a tool runs.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Stream from "effect/Stream"
import type { HistoryItem } from "../conversation/History.ts"
import * as TelemetryContext from "../telemetry/TelemetryContext.ts"
import { CurrentSession } from "./CurrentSession.ts"

/**
 * The call of a session, as its agent and its tools see it. `metadata`, `transport` and `facts` are read from the session each
 * time: what changes during a call is seen at once.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallContext {
  readonly sessionId: string
  readonly userId: string
  /** The user's tenant: from the `AuthHook`, else from the session's config. */
  readonly tenant?: string | undefined
  /** The session's metadata, now. */
  readonly metadata: { readonly [key: string]: unknown }
  /** The turn that is answered, or in which the tool was called. */
  readonly turn: number
  /**
   * What the user speaks, BCP 47: what the recogniser says of this turn, else the session's language; undefined when neither is
   * known.
   */
  readonly language?: string | undefined
  /** The conversation before this turn, as it was heard. */
  readonly history: ReadonlyArray<HistoryItem>
  /** The name of the provider that reaches the user: `local`, `livekit`, … */
  readonly provider: string
  /** The transport of the user's connection, else of the last one, else the one that the session was created for. */
  readonly transport: string
  /**
   * What the provider knows of the call, now: the room and the participant in LiveKit (`UserConnection.facts`). Empty where it
   * knows nothing, and until a user has connected. It comes from outside, so check what you use.
   */
  readonly facts: { readonly [name: string]: unknown }
}

/**
 * The present call: set around an agent's answer, its `instructions`, and every tool's handler, and kept by work that the
 * agent leaves in the background. It is in no log line and in no span.
 *
 * Reading it outside of a call is a mistake of the program, and a defect. To run a handler without a session, as in a test, provide
 * it: `Effect.provideService(CallContext, { … })`.
 *
 * **Example** (A tool that knows who calls)
 *
 * ```ts
 * import { CallContext } from "effect-voice"
 * import * as Effect from "effect/Effect"
 *
 * export const book = ({ time }: { readonly time: string }) =>
 *   Effect.map(CallContext, ({ userId }) => `${time} is booked for ${userId}`)
 * ```
 *
 * @category references
 * @since 0.1.0
 */
export const CallContext = Context.Reference<CallContext>("effect-voice/agent/CallContext", {
  defaultValue: () => {
    throw new Error(
      "there is no call here: CallContext can be read by agents, by their instructions and by the handlers of tools, while they answer in a session"
    )
  }
})

/**
 * Answers in a call.
 *
 * @category combinators
 * @since 0.1.0
 */
export const within = (call: CallContext) => <A, E, R>(answer: Stream.Stream<A, E, R>): Stream.Stream<A, E, R> =>
  Stream.provideService(answer, CallContext, call)

/**
 * Answers in the present call, and in this one where there is none: an agent that is asked outside of a session.
 *
 * @category combinators
 * @since 0.1.0
 */
export const orWithin = (call: CallContext) => {
  const own = Context.make(CallContext, call)
  return <A, E, R>(answer: Stream.Stream<A, E, R>): Stream.Stream<A, E, R> =>
    Stream.updateContext(answer, (now: Context.Context<R>) => Context.merge(own, now))
}

/**
 * What of a context belongs to its call: the call, and the session that its tools act on.
 *
 * @category accessors
 * @since 0.1.0
 */
export const pick = Context.pick(CallContext, CurrentSession)

/**
 * Leaves the call out of a context: what begins within a call and is none of it, such as a session that a tool creates.
 *
 * @category combinators
 * @since 0.1.0
 */
export const omit: <R>(context: Context.Context<R>) => Context.Context<R> = Context.omit(CallContext, CurrentSession)

/**
 * Merges a context that was captured earlier over the present one. The call and the telemetry stay the present ones.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mergeContext = <R>(captured: Context.Context<R>): (now: Context.Context<never>) => Context.Context<R> =>
  TelemetryContext.mergeContext(omit(captured))
