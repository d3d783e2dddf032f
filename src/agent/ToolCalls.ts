/**
 * Runs the tool calls of a language model: each in time, none twice, and to its end when the user interrupts.
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import type * as Response from "effect/ai/Response"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { type BackendError, describe, InvalidConfig } from "../BackendError.ts"
import * as ToolSpan from "../telemetry/ToolSpan.ts"
import type { Agent, AgentInput, AgentSession } from "./Agent.ts"
import { CurrentSession } from "./HandOver.ts"
import { callKey, type ToolCall, ToolHistory, type ToolOutcome } from "./ToolHistory.ts"

/** What a model is told of a tool's output; the rest is cut. */
const MAX_OUTPUT = 32_768
/** A call's input in JSON; a longer one is not run. */
const MAX_INPUT = 65_536
/** Calls of one round that are run. */
const MAX_ROUND = 16
/** Calls of one session that are under way at once. */
const MAX_PENDING = 32

/** What an interrupted tool may take to end. */
const GRACE = Duration.seconds(1)

/**
 * Runs a tool by name: its JSON output, or a failure that the model is told.
 *
 * @category models
 * @since 0.1.0
 */
export type RunTool = (name: string, params: unknown, id: string) => Effect.Effect<ToolOutcome, unknown>

interface Pending {
  readonly call: ToolCall
  readonly done: Deferred.Deferred<void>
}

/** What a session's agents know of its calls; gone with the session. */
interface Known {
  readonly memory: ToolHistory
  readonly pending: Map<ToolCall, Pending>
}

const sessions = new WeakMap<AgentSession, Known>()

const knownOf = (session: AgentSession | undefined): Known => {
  const known = session === undefined ? undefined : sessions.get(session)
  if (known !== undefined) return known
  const fresh: Known = { memory: new ToolHistory(), pending: new Map() }
  if (session !== undefined) sessions.set(session, fresh)
  return fresh
}

const failed = (error: string): ToolOutcome => ({ ok: false, output: { error } })

const cut = (outcome: ToolOutcome): ToolOutcome => {
  const text = typeof outcome.output === "string" ? outcome.output : JSON.stringify(outcome.output) ?? "null"
  return text.length > MAX_OUTPUT ? { ...outcome, output: `${text.slice(0, MAX_OUTPUT)}…` } : outcome
}

/** What a model is told of a failure: enough to do better, and no traces. */
const told = (name: string, cause: Cause.Cause<unknown>): ToolOutcome => {
  if (Cause.hasInterruptsOnly(cause)) return failed(`the tool ${name} was interrupted`)
  const error = Cause.squash(cause)
  return failed(
    AiError.isAiError(error)
      ? error.reason.message
      : `the tool ${name} failed: ${typeof error === "string" ? error : describe(error)}`
  )
}

/**
 * The calls of one answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnswerCalls {
  readonly history: ToolHistory
  /**
   * Begins the calls of a round; what goes on already, or was under way when this answer was asked for, is not begun
   * again. `done` completes when all have an outcome.
   */
  readonly start: (parts: ReadonlyArray<Response.ToolCallPartEncoded>) => Effect.Effect<{
    readonly calls: ReadonlyArray<ToolCall>
    readonly done: Effect.Effect<void>
  }>
  /** To whom a tool has handed this answer over. */
  readonly handedOverTo: () => Agent | undefined
}

/**
 * The calls of an answer, in the memory of its session. Outside of a session nothing is remembered, and calls end with
 * the answer.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  input: AgentInput,
  options: {
    readonly run: RunTool
    /** Whether there is such a tool. */
    readonly isKnown: (name: string) => boolean
    readonly timeout: Duration.Duration
  }
): AnswerCalls => {
  const { session, turn } = input
  const { memory, pending } = knownOf(session)
  /** Known to the model from its prompt as under way: called again, they are the same calls. */
  const shown = memory.calls.filter(({ outcome }) => outcome === undefined)
  let next: Agent | undefined
  const background = session?.background ?? ((work: Effect.Effect<void>) => Effect.asVoid(Effect.forkChild(work)))

  const current = session === undefined ? undefined : {
    handOver: (name: string): Effect.Effect<Agent, BackendError> =>
      Effect.suspend(() =>
        memory.countHandOver(turn)
          ? Effect.tap(session.handOver(name, turn), (agent) =>
            Effect.sync(() => {
              next = agent
            }))
          : Effect.fail(
            new InvalidConfig({ op: "Agent.handOver", message: "this turn has been handed over too often" })
          )
      )
  }

  const late = (name: string): ToolOutcome =>
    failed(`the tool ${name} took longer than ${Duration.format(options.timeout)}; whether it did anything is unknown`)

  const perform = ({ id, name, params }: ToolCall, parent: Tracer.AnySpan | undefined): Effect.Effect<ToolOutcome> =>
    Effect.suspend(() => options.run(name, params, id)).pipe(
      Effect.timeoutOrElse({
        duration: options.timeout,
        orElse: () => Effect.succeed(late(name))
      }),
      Effect.provideService(CurrentSession, current),
      Effect.catchCause((cause) => Effect.succeed(told(name, cause))),
      Effect.map(cut),
      ToolSpan.withSpan({ name: options.isKnown(name) ? name : undefined, id, parent, ok: (outcome) => outcome.ok })
    )

  /** The first outcome counts. */
  const settle = ({ call, done }: Pending, outcome: ToolOutcome) =>
    Effect.suspend(() => {
      if (!pending.delete(call)) return Effect.void
      memory.finish(call, outcome)
      session?.publish({ type: "tool.finished", turn: call.turn, name: call.name, id: call.id, ok: outcome.ok })
      return Effect.asVoid(Deferred.succeed(done, undefined))
    })

  const start = (call: ToolCall, refusal: string | undefined) =>
    Effect.flatMap(Effect.serviceOption(Tracer.ParentSpan), (parent) => {
      const begun: Pending = { call, done: Deferred.makeUnsafe() }
      pending.set(call, begun)
      session?.publish({ type: "tool.started", turn, name: call.name, id: call.id })
      if (refusal !== undefined) return settle(begun, failed(refusal))
      const work = Effect.flatMap(perform(call, Option.getOrUndefined(parent)), (outcome) => settle(begun, outcome))
        .pipe(
          Effect.onInterrupt(() => settle(begun, failed("interrupted")))
        )
      // a tool that cannot be interrupted is not waited for
      const guard = Deferred.await(begun.done).pipe(
        Effect.timeoutOrElse({
          duration: Duration.sum(options.timeout, GRACE),
          orElse: () => settle(begun, late(call.name))
        })
      )
      return Effect.andThen(background(work), background(guard))
    })

  const begin: AnswerCalls["start"] = Effect.fnUntraced(function*(parts) {
    const round = memory.nextRound()
    const calls: Array<ToolCall> = []
    const ids = new Set<string>()
    for (const part of parts) {
      // the same call told twice
      if (part.id !== "" && ids.has(part.id)) continue
      ids.add(part.id)
      const name = part.name.slice(0, 128)
      const json = JSON.stringify(part.params) ?? "null"
      const long = json.length > MAX_INPUT
      const params: unknown = long ? {} : JSON.parse(json)
      const key = callKey({ name, params })
      const same = shown.findIndex((call) => callKey(call) === key)
      const [known] = same < 0 ? [] : shown.splice(same, 1)
      const call = memory.add({ id: part.id, name, params, turn, round })
      calls.push(call)
      if (known !== undefined) {
        const on = pending.get(known)
        if (on === undefined) memory.finish(call, known.outcome ?? failed("interrupted"))
        else yield* follow(call, on)
        continue
      }
      yield* start(
        call,
        long
          ? `the input of the tool ${name} is too long`
          : calls.length > MAX_ROUND
          ? `more than ${MAX_ROUND} calls at once: call this one again`
          : pending.size >= MAX_PENDING
          ? "too many tools are running: call it again later"
          : undefined
      )
    }
    return {
      calls,
      done: Effect.forEach(calls, (call) => {
        const on = pending.get(call)
        return on === undefined ? Effect.void : Deferred.await(on.done)
      }, { discard: true })
    }
  })

  /** A call that is another, which goes on: it has that one's outcome. */
  const follow = (call: ToolCall, on: Pending) =>
    Effect.suspend(() => {
      const begun: Pending = { call, done: Deferred.makeUnsafe() }
      pending.set(call, begun)
      const work = Effect.andThen(
        Deferred.await(on.done),
        Effect.suspend(() => {
          pending.delete(call)
          memory.finish(call, on.call.outcome ?? failed("interrupted"))
          return Effect.asVoid(Deferred.succeed(begun.done, undefined))
        })
      )
      return background(work)
    })

  return { history: memory, start: begin, handedOverTo: () => next }
}
