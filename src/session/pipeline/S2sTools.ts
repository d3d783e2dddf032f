/**
 * Runs the tool calls of a session's speech-to-speech model.
 *
 * @since 0.1.0
 */
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import * as AgentAnswer from "../../agent/AgentAnswer.ts"
import * as Background from "../../agent/Background.ts"
import { CallContext } from "../../agent/CallContext.ts"
import { CurrentSession } from "../../agent/CurrentSession.ts"
import * as ToolFailure from "../../agent/ToolFailure.ts"
import type { ToolOutcome } from "../../agent/ToolHistory.ts"
import * as ToolRunner from "../../agent/ToolRunner.ts"
import { parse } from "../../schema/Json.ts"
import type { SpeechToSpeechEvent, SpeechToSpeechStream } from "../../speech/SpeechToSpeech.ts"
import * as ToolSpan from "../../telemetry/ToolSpan.ts"
import * as ThrownValue from "../../ThrownValue.ts"
import type { PipelineContext } from "./Pipeline.ts"
import { ASK_AGENT } from "./S2sCapabilities.ts"

/** The longest output of a tool that is given to a model; the rest is cut. */
const MAX_OUTPUT = 32_768
/** The longest name and id of a call, and the longest input, in UTF-16 code units. */
const MAX_NAME = 256
const MAX_INPUT = 262_144
/** The most calls of one session that run at once; more wait. */
const MAX_CALLS = 8

const askToolkit = Toolkit.make(
  Tool.make(ASK_AGENT, {
    description:
      "Asks the agent that knows the answers. Call it for every question or request of the user, and tell the " +
      "user its answer. Pass the user's words.",
    parameters: Schema.Struct({ question: Schema.NonEmptyString.check(Schema.isMaxLength(16_384)) }),
    success: Schema.String,
    // none of them is in words for the model
    failure: Schema.Unknown
  })
)

/**
 * The session's agent as a tool.
 *
 * @category constructors
 * @since 0.1.0
 */
export const askAgent = (
  { agent, call, session }: Pick<PipelineContext, "agent" | "call" | "session">
): Effect.Effect<ToolRunner.ToolRunner> => {
  const handlers = askToolkit.toHandlers({
    ask_agent: ({ question }) =>
      Effect.flatMap(CallContext, (now) => {
        const input = Object.assign(call(now), {
          transcript: question,
          committed: Effect.void,
          session,
          instructions: session.client?.instructions
        })
        return AgentAnswer.make(() => agent().respond(input)).pipe(
          Stream.scan(() => "", (answer: string, piece) => answer + piece),
          Stream.takeUntil((answer) => answer.length > MAX_OUTPUT),
          Stream.runFold(() => "", (_, answer) => answer)
        )
      })
  })
  return Effect.flatMap(
    handlers,
    (context) => Effect.map(Effect.provideContext(askToolkit, context), (toolkit) => ToolRunner.make(toolkit))
  )
}

const text = (output: unknown): string => {
  const whole = typeof output === "string" ? output : JSON.stringify(output) ?? "null"
  return whole.length > MAX_OUTPUT ? `${whole.slice(0, MAX_OUTPUT)}…` : whole
}

/** An input as JSON; undefined for one that has none. */
const jsonOf = (input: unknown): string | undefined => {
  try {
    return JSON.stringify(input) ?? "null"
  } catch {
    return undefined
  }
}

/** A call that is not run. */
const refusalOf = (isKnown: boolean, name: string, json: string | undefined): string | undefined => {
  if (!isKnown) return `unknown tool ${name}`
  if (json === undefined) return `the input of tool ${name} is no JSON`
  return json.length > MAX_INPUT ? `the input of tool ${name} is too large` : undefined
}

/** Is interrupted with the call, which does not wait for a tool that does not end then. */
const leavable = <A, E>(run: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      Effect.forkDetach(restore(run)),
      (fiber) => Effect.onInterrupt(restore(Fiber.join(fiber)), () => Effect.sync(() => fiber.interruptUnsafe()))
    )
  )

/**
 * Makes a function that runs a tool call, with the tools of the moment, and gives the model its result. A call that fails, times out or names an unknown
 * tool gives the model an error, and the reply goes on.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  toolsNow: () => ToolRunner.ToolRunner,
  context: Pick<PipelineContext, "emit" | "session" | "timeout">,
  stream: Pick<SpeechToSpeechStream, "toolResult">
) => {
  const calls = Semaphore.makeUnsafe(MAX_CALLS)
  // less than the timeout of the reply that waits for the result
  const within = Duration.times(context.timeout, 0.9)
  const { session } = context
  return (
    { id: givenId, input, name: told }: Extract<SpeechToSpeechEvent, { readonly _tag: "ToolCall" }>,
    call: CallContext,
    parent: Tracer.AnySpan | undefined
  ): Effect.Effect<void> => {
    const tools = toolsNow()
    const { sessionId, turn } = call
    // what a model sends may be of any length
    const id = givenId.slice(0, MAX_NAME)
    const found = told.length > MAX_NAME ? undefined : tools.nameOf(told)
    const name = found ?? told.slice(0, MAX_NAME)
    const json = jsonOf(input)

    const log = (message: string, ...why: ReadonlyArray<unknown>) =>
      Effect.annotateLogs(Effect.logError(message, ...why), { session: sessionId, turn, tool: name })
    const refuse = (why: string): Effect.Effect<ToolOutcome> => Effect.as(log(why), ToolFailure.failed(why))
    const failure = (cause: Cause.Cause<unknown>): Effect.Effect<ToolOutcome> => {
      const outcome = ToolFailure.outcomeOf(name, cause)
      // what the model wrote has what the user said
      const logged = ToolFailure.mistakeOf(cause) === undefined
        ? log("a tool call of the model failed", ThrownValue.loggable(cause))
        : log("a tool call of the model does not fit the tool's parameters")
      return Effect.as(logged, { ...outcome, output: text(outcome.output) })
    }
    const currentSession = {
      background: Background.limited(session),
      call: session.call,
      setLanguage: session.setLanguage,
      handOver: (agent: string) => session.handOver(agent, turn)
    }
    const performed = Effect.suspend((): Effect.Effect<ToolOutcome, unknown> => {
      const refusal = refusalOf(found !== undefined, name, json)
      return refusal === undefined ? leavable(tools.run(name, parse(json ?? ""), id)) : refuse(refusal)
    }).pipe(
      Effect.timeoutOrElse({
        duration: within,
        orElse: () => refuse(`tool ${name} timed out after ${Duration.format(within)}`)
      }),
      // within what is caught: a result that is no JSON fails the call
      Effect.map(({ ok, output }) => ({ ok, output: text(output) })),
      Effect.catchCause(failure),
      Effect.provideService(CurrentSession, currentSession),
      Effect.provideService(CallContext, call)
    )
    const finish = (ok: boolean, output: string) =>
      Effect.sync(() => {
        context.emit({ type: "tool.finished", turn, name, id, ok })
        stream.toolResult(givenId, output)
      })
    return Effect.sync(() => context.emit({ type: "tool.started", turn, name, id })).pipe(
      Effect.andThen(
        calls.withPermits(1)(performed).pipe(ToolSpan.withSpan({ name: found, id, parent, ok: ({ ok }) => ok }))
      ),
      Effect.flatMap(({ ok, output }) => finish(ok, text(output))),
      Effect.onInterrupt(() => finish(false, JSON.stringify({ error: "the user interrupted" })))
    )
  }
}
