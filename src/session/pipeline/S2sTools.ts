/**
 * Runs the tool calls of a session's speech-to-speech model.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import type { Tool, ToolContext } from "../../agent/Tool.ts"
import * as AgentTool from "../../agent/Tool.ts"
import * as ToolError from "../../agent/ToolError.ts"
import { InvalidConfig, Timeout } from "../../BackendError.ts"
import type { SpeechToSpeechEvent, SpeechToSpeechStream } from "../../speech/SpeechToSpeech.ts"
import * as ToolSpan from "../../telemetry/ToolSpan.ts"
import * as ThrownValue from "../../ThrownValue.ts"
import type { PipelineContext } from "./Pipeline.ts"

/**
 * The tool by which a model asks the session's agent.
 *
 * @category constants
 * @since 0.1.0
 */
export const ASK_AGENT = "ask_agent"

/** The longest output of a tool that is given to a model; the rest is cut. */
const MAX_OUTPUT = 32_768
/** The longest name and id of a call, and the longest input, in UTF-16 code units. */
const MAX_NAME = 256
const MAX_INPUT = 262_144
/** The most calls of one session that run at once; more wait. */
const MAX_CALLS = 8

/**
 * The session's agent as a tool.
 *
 * @category constructors
 * @since 0.1.0
 */
export const askAgent = (context: Pick<PipelineContext, "agent" | "call" | "session">): Tool =>
  AgentTool.make({
    name: ASK_AGENT,
    description:
      "Asks the agent that knows the answers. Call it for every question or request of the user, and tell the " +
      "user its answer. Pass the user's words.",
    input: Schema.Struct({ question: Schema.NonEmptyString.check(Schema.isMaxLength(16_384)) }),
    run: ({ question }, about) =>
      context.agent().respond(
        Object.assign(
          context.call(about),
          { transcript: question, committed: Effect.void, session: context.session }
        )
      ).pipe(
        Stream.scan(() => "", (answer: string, piece) => answer + piece),
        Stream.takeUntil((answer) => answer.length > MAX_OUTPUT),
        Stream.runFold(() => "", (_, answer) => answer)
      )
  })

const text = (output: unknown): string => {
  const whole = typeof output === "string" ? output : JSON.stringify(output) ?? "null"
  return whole.length > MAX_OUTPUT ? `${whole.slice(0, MAX_OUTPUT)}…` : whole
}

/** The length of an input as JSON, in UTF-16 code units; undefined for one that has none. */
const lengthOf = (input: unknown): number | undefined => {
  try {
    return (JSON.stringify(input) ?? "").length
  } catch {
    return undefined
  }
}

/**
 * Makes a function that runs a tool call and gives the model its result. A call that fails, times out or names an unknown
 * tool gives the model an error, and the reply goes on.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  tools: ReadonlyArray<Tool>,
  context: PipelineContext,
  stream: Pick<SpeechToSpeechStream, "toolResult">
) => {
  const byName = new Map(tools.map((tool) => [tool.name, tool]))
  const calls = Semaphore.makeUnsafe(MAX_CALLS)
  // less than the timeout of the reply that waits for the result
  const within = Duration.times(context.timeout, 0.9)
  return (
    { id, input, name }: Extract<SpeechToSpeechEvent, { readonly _tag: "ToolCall" }>,
    about: ToolContext,
    parent: Tracer.AnySpan | undefined
  ): Effect.Effect<void> => {
    const { turn } = about
    const tool = byName.get(name)
    // what a model sends may be of any length
    const shown = { name: name.slice(0, MAX_NAME), id: id.slice(0, MAX_NAME) }
    const unknown = new InvalidConfig({ op: "Tool.run", message: `unknown tool ${shown.name}` })
    const tooLarge = new InvalidConfig({ op: "Tool.run", message: `the input of tool ${shown.name} is too large` })
    const noJson = new InvalidConfig({ op: "Tool.run", message: `the input of tool ${shown.name} is no JSON` })
    const timeout = new Timeout({
      op: "Tool.run",
      message: `tool ${shown.name} timed out after ${Duration.format(within)}`
    })
    // suspended: a tool may throw
    const called = Effect.suspend(() => {
      if (tool === undefined) return Effect.fail(unknown)
      const length = lengthOf(input)
      if (length === undefined) return Effect.fail(noJson)
      return length > MAX_INPUT ? Effect.fail(tooLarge) : tool.run(input, about)
    }).pipe(
      Effect.timeoutOrElse({ duration: within, orElse: () => Effect.fail(timeout) }),
      Effect.map(text)
    )
    const errorOf = (cause: Cause.Cause<unknown>) => {
      const error = Cause.squash(cause)
      const words = ToolError.wordsOf(cause)
      if (words !== undefined) return { error: `tool ${shown.name} failed: ${words}`.slice(0, MAX_OUTPUT) }
      const own = AgentTool.isInputFault(error)
        ? error
        : [unknown, tooLarge, noJson, timeout].find((each) => each === error)
      return own === undefined
        ? ToolError.withoutWords(shown.name)
        : { error: own.message.slice(0, MAX_OUTPUT) }
    }
    const log = (cause: Cause.Cause<unknown>) =>
      Effect.logError("a tool call of the model failed", ThrownValue.loggable(cause)).pipe(
        Effect.annotateLogs({ session: about.sessionId, turn, tool: shown.name })
      )
    const finish = (ok: boolean, output: string) =>
      Effect.sync(() => {
        context.emit({ type: "tool.finished", turn, ...shown, ok })
        stream.toolResult(id, output)
      })
    return Effect.sync(() => context.emit({ type: "tool.started", turn, ...shown })).pipe(
      Effect.andThen(
        calls.withPermits(1)(called).pipe(ToolSpan.withSpan({ name: tool?.name, id: shown.id, parent, ok: () => true }))
      ),
      Effect.matchCauseEffect({
        onSuccess: (output) => finish(true, output),
        onFailure: (cause) => Effect.andThen(log(cause), finish(false, JSON.stringify(errorOf(cause))))
      }),
      Effect.onInterrupt(() => finish(false, JSON.stringify({ error: "the user interrupted" })))
    )
  }
}
