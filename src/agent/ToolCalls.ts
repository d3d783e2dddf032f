/**
 * Runs the tool calls of a language model. Each call has a timeout, is not started twice, and runs to its end even when the user
 * interrupts the answer.
 *
 * @since 0.1.0
 */
import type * as Response from "effect/ai/Response"
import type * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import * as ToolSpan from "../telemetry/ToolSpan.ts"
import * as ThrownValue from "../ThrownValue.ts"
import type { Agent, AgentInput, AgentSession } from "./Agent.ts"
import * as Background from "./Background.ts"
import { CurrentSession } from "./CurrentSession.ts"
import * as ToolFailure from "./ToolFailure.ts"
import { callKey, type ToolCall, ToolHistory, type ToolOutcome } from "./ToolHistory.ts"

/** Characters of a tool's output that the model receives; the rest is cut off. */
const MAX_OUTPUT = 32_768
/** Characters of a call's JSON input; a call with more is not run. */
const MAX_INPUT = 65_536
/** Calls of one round that are run; the model has to repeat further ones. */
const MAX_ROUND = 16
/** Running calls of one session. */
const MAX_PENDING = 32

/** How long an interrupted tool may take to end. */
const GRACE = Duration.seconds(1)

/**
 * Runs a tool by name. Returns its JSON output, or fails with an error that the model receives.
 *
 * @category models
 * @since 0.1.0
 */
export type RunTool = (name: string, params: unknown, id: string) => Effect.Effect<ToolOutcome, unknown>

interface RunningCall {
  readonly call: ToolCall
  readonly done: Deferred.Deferred<void>
}

/** The calls of a session, shared by its agents. */
interface SessionCalls {
  readonly history: ToolHistory
  readonly running: Map<ToolCall, RunningCall>
}

const sessions = new WeakMap<AgentSession, SessionCalls>()

const callsOf = (session: AgentSession | undefined): SessionCalls => {
  const known = session === undefined ? undefined : sessions.get(session)
  if (known !== undefined) return known
  const fresh: SessionCalls = { history: new ToolHistory(), running: new Map() }
  if (session !== undefined) sessions.set(session, fresh)
  return fresh
}

const truncate = (outcome: ToolOutcome): ToolOutcome => {
  const text = typeof outcome.output === "string" ? outcome.output : JSON.stringify(outcome.output) ?? "null"
  return text.length > MAX_OUTPUT ? { ...outcome, output: `${text.slice(0, MAX_OUTPUT)}…` } : outcome
}

/** Logs why a tool failed; a mistake of the model is no failure of the tool. */
const logFailure = (name: string, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  ToolFailure.mistakeOf(cause) !== undefined
    ? Effect.void
    : Effect.annotateLogs(Effect.logWarning(`tool ${name} failed`, ThrownValue.loggable(cause)), { tool: name })

/**
 * The tool calls of one answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnswerCalls {
  readonly history: ToolHistory
  /**
   * Starts the calls of a round. A call that was already running when the prompt was made is not started again. `done`
   * completes when all calls have an outcome.
   */
  readonly start: (parts: ReadonlyArray<Response.ToolCallPartEncoded>) => Effect.Effect<{
    readonly calls: ReadonlyArray<ToolCall>
    readonly done: Effect.Effect<void>
  }>
  /** The agent to which a tool has handed over this answer. */
  readonly handedOverTo: () => Agent | undefined
}

/**
 * Makes the tool calls of an answer; they are recorded in the history of its session. Outside of a session there is no
 * history, and calls end with the answer.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  input: AgentInput,
  options: {
    readonly run: RunTool
    /** Whether a tool of this name exists. */
    readonly isKnown: (name: string) => boolean
    readonly timeout: Duration.Duration
  }
): AnswerCalls => {
  const { session, turn } = input
  const { history, running } = callsOf(session)
  /** The prompt shows these calls as running: when the model repeats one, it means the same call. */
  const runningInPrompt = history.calls.filter(({ outcome }) => outcome === undefined)
  let next: Agent | undefined
  const background = session?.background ?? ((work: Effect.Effect<void>) => Effect.asVoid(Effect.forkChild(work)))

  const currentSession = session === undefined ? undefined : {
    background: Background.limited(session),
    call: session.call,
    setLanguage: session.setLanguage,
    handOver: (name: string): Effect.Effect<Agent, BackendError> =>
      Effect.suspend(() =>
        history.countHandOver(turn)
          ? Effect.tap(session.handOver(name, turn), (agent) =>
            Effect.sync(() => {
              next = agent
            }))
          : Effect.fail(
            new InvalidConfig({ op: "Agent.handOver", message: "a turn can be handed over at most four times" })
          )
      )
  }

  const timedOut = (name: string): ToolOutcome =>
    ToolFailure.failed(
      `tool ${name} timed out after ${Duration.format(options.timeout)}; it may or may not have taken effect`
    )

  /** Once: a tool that does not end when it is interrupted has an outcome before it ends. */
  const logTimeout = (call: ToolCall): Effect.Effect<void> =>
    running.has(call)
      ? Effect.annotateLogs(
        Effect.logWarning(`tool ${call.name} timed out after ${Duration.format(options.timeout)}`),
        { tool: call.name }
      )
      : Effect.void

  const perform = (call: ToolCall, parent: Tracer.AnySpan | undefined): Effect.Effect<ToolOutcome> => {
    const { id, name, params } = call
    return Effect.suspend(() => options.run(name, params, id)).pipe(
      Effect.timeoutOrElse({
        duration: options.timeout,
        orElse: () => Effect.as(logTimeout(call), timedOut(name))
      }),
      Effect.provideService(CurrentSession, currentSession),
      // within what is caught: a result that is no JSON fails the call
      Effect.map(truncate),
      Effect.catchCause((cause) => Effect.as(logFailure(name, cause), truncate(ToolFailure.outcomeOf(name, cause)))),
      ToolSpan.withSpan({ name: options.isKnown(name) ? name : undefined, id, parent, ok: (outcome) => outcome.ok })
    )
  }

  /** Sets the outcome of a call, unless it has one. */
  const finish = ({ call, done }: RunningCall, outcome: ToolOutcome) =>
    Effect.suspend(() => {
      if (!running.delete(call)) return Effect.void
      history.finish(call, outcome)
      session?.publish({ type: "tool.finished", turn: call.turn, name: call.name, id: call.id, ok: outcome.ok })
      return Effect.asVoid(Deferred.succeed(done, undefined))
    })

  const startCall = (call: ToolCall, refusal: string | undefined) =>
    Effect.flatMap(
      Effect.serviceOption(Tracer.ParentSpan),
      (parent) => {
        const started: RunningCall = { call, done: Deferred.makeUnsafe() }
        running.set(call, started)
        session?.publish({ type: "tool.started", turn, name: call.name, id: call.id })
        if (refusal !== undefined) return finish(started, ToolFailure.failed(refusal))
        const work = Effect.flatMap(perform(call, Option.getOrUndefined(parent)), (outcome) => finish(started, outcome))
          .pipe(
            Effect.onInterrupt(() => finish(started, ToolFailure.failed("interrupted")))
          )
        // a tool that does not end when it is interrupted still gets an outcome
        const guard = Deferred.await(started.done).pipe(
          Effect.timeoutOrElse({
            duration: Duration.sum(options.timeout, GRACE),
            orElse: () => Effect.andThen(logTimeout(call), finish(started, timedOut(call.name)))
          })
        )
        return Effect.andThen(background(work), background(guard))
      }
    )

  const startRound: AnswerCalls["start"] = Effect.fnUntraced(function*(parts) {
    const round = history.nextRound()
    const calls: Array<ToolCall> = []
    const keys = new Map<string, string>()
    for (const part of parts) {
      const name = part.name.slice(0, 128)
      const json = JSON.stringify(part.params) ?? "null"
      const isTooLong = json.length > MAX_INPUT
      const params: unknown = isTooLong ? {} : JSON.parse(json)
      const key = callKey({ name, params })
      // some models tell a call twice, and some give two calls the same id; the history gives the second another
      if (part.id !== "" && keys.get(part.id) === key) continue
      keys.set(part.id, key)
      const index = runningInPrompt.findIndex((call) => callKey(call) === key)
      const [known] = index < 0 ? [] : runningInPrompt.splice(index, 1)
      const call = history.add({ id: part.id, name, params, turn, round })
      calls.push(call)
      if (known !== undefined) {
        const same = running.get(known)
        if (same === undefined) history.finish(call, known.outcome ?? ToolFailure.failed("interrupted"))
        else yield* shareOutcome(call, same)
        continue
      }
      yield* startCall(
        call,
        isTooLong
          ? `the input of tool ${name} is longer than ${MAX_INPUT} characters`
          : calls.length > MAX_ROUND
          ? `more than ${MAX_ROUND} calls at once: repeat this one`
          : running.size >= MAX_PENDING
          ? "too many tools are running: try again later"
          : undefined
      )
    }
    return {
      calls,
      done: Effect.forEach(calls, (call) => {
        const started = running.get(call)
        return started === undefined ? Effect.void : Deferred.await(started.done)
      }, { discard: true })
    }
  })

  /** Gives a repeated call the outcome of the running one. */
  const shareOutcome = (call: ToolCall, same: RunningCall) =>
    Effect.suspend(() => {
      const started: RunningCall = { call, done: Deferred.makeUnsafe() }
      running.set(call, started)
      const work = Effect.andThen(
        Deferred.await(same.done),
        Effect.suspend(() => {
          running.delete(call)
          history.finish(call, same.call.outcome ?? ToolFailure.failed("interrupted"))
          return Effect.asVoid(Deferred.succeed(started.done, undefined))
        })
      )
      return background(work)
    })

  return { history: history, start: startRound, handedOverTo: () => next }
}
