/**
 * Runs the tools of an `effect/ai` toolkit for a model of either kind: finds the tool that the model means, fits the input, and
 * tells a failure that has words for the model from one that has none.
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { AgentError } from "../BackendError.ts"
import { isRecord } from "../schema/Json.ts"
import * as ToolName from "../schema/ToolName.ts"
import * as ThrownValue from "../ThrownValue.ts"
import * as CallContext from "./CallContext.ts"
import * as LanguageModelErrors from "./LanguageModelErrors.ts"
import * as TokenEstimate from "./TokenEstimate.ts"
import { ToolError } from "./ToolError.ts"
import type { ToolOutcome } from "./ToolHistory.ts"
import * as ToolInput from "./ToolInput.ts"

/**
 * A toolkit without the types of its tools.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolRunner<out R = never> {
  readonly tools: ReadonlyArray<Tool.Any>
  readonly isKnown: (name: string) => boolean
  /** The name of the tool that the model means. */
  readonly nameOf: (told: string) => string | undefined
  /** The estimated tokens of the tools in a request. */
  readonly tokens: number
  /**
   * Runs a call with the JSON that the model wrote. Fails with what the tool fails with: `ToolFailure` says what the model is told
   * of it.
   */
  readonly run: (name: string, params: unknown, id: string) => Effect.Effect<ToolOutcome, unknown, R>
}

const fitted = (tool: Tool.Any | undefined, params: unknown): unknown =>
  tool === undefined ? params : ToolInput.fit(params, Tool.getJsonSchema(tool))

/**
 * Whether a tool declares a failure (`failure`), so that it is in words for the model. A schema that takes any `Error`, or any
 * object, declares none: the text of one may come from a library.
 */
const isDeclared = (tool: Tool.Any, error: unknown): boolean => {
  const declares = ThrownValue.guard(Schema.is(tool.failureSchema))
  return declares(error) && !declares(anyObject) && !(error instanceof Error && declares(anyError))
}

const anyError = new Error("anything")
const anyObject = { anything: true }

/** A declared failure as words for the model; any other stays what it is. */
const declaredWords = (tool: Tool.Any | undefined, error: unknown): unknown => {
  if (tool === undefined || LanguageModelErrors.isAiError(error) || typeof error === "string") return error
  if (!isDeclared(tool, error)) return error
  const told = isRecord(error) && typeof error["message"] === "string" ? error["message"] : JSON.stringify(error)
  return new ToolError({ message: told ?? "" })
}

/**
 * The outcome of a result. With `failureMode: "return"` a failure is a result, too: what the tool declares is told as the tool
 * encodes it, and a text or a `ToolError` with its words. Any other fails as it would without that mode.
 */
const outcomeOf = (
  tool: Tool.Any | undefined,
  { encodedResult, isFailure, result }: Pick<Tool.HandlerResult<Tool.Any>, "encodedResult" | "isFailure" | "result">
): Effect.Effect<ToolOutcome, unknown> => {
  const error: unknown = result
  if (!isFailure) return Effect.succeed({ ok: true, output: encodedResult })
  return tool === undefined || error instanceof ToolError || LanguageModelErrors.isAiError(error) ||
      !isDeclared(tool, error)
    ? Effect.fail(error)
    : Effect.succeed({ ok: false, output: encodedResult })
}

/** Nobody can be asked for it within a call: it is refused, and not run as if it had been given. */
const needsApproval = (name: string) =>
  new AgentError({
    op: "Tool.run",
    message: `tool ${name} needs an approval (needsApproval), which a voice agent cannot ask for: ` +
      "have the agent ask the user, and take the answer as a parameter",
    retryable: false
  })

/** Tokens around the definition of a tool. */
const TOOL_TOKENS = 16

const toolTokens = new WeakMap<object, number>()

const tokensOf = (tools: Record<string, Tool.Any>): number => {
  const known = toolTokens.get(tools)
  if (known !== undefined) return known
  const tokens = Object.values(tools).reduce(
    (sum, tool) =>
      sum + TOOL_TOKENS + TokenEstimate.ofText(`${tool.name} ${Tool.getDescription(tool) ?? ""}`) +
      TokenEstimate.ofJson(Tool.getJsonSchema(tool)),
    0
  )
  toolTokens.set(tools, tokens)
  return tokens
}

/**
 * Makes it from a toolkit with its handlers.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Tools extends Record<string, Tool.Any>>(
  toolkit: Toolkit.WithHandler<Tools>
): ToolRunner<Tool.HandlerServices<Tools[keyof Tools]>> => {
  const known = Object.keys(toolkit.tools)
  const isName = (name: string): name is Extract<keyof Tools, string> => Object.hasOwn(toolkit.tools, name)
  return {
    tools: Object.values(toolkit.tools),
    isKnown: isName,
    nameOf: (told) => ToolName.find(told, known),
    tokens: tokensOf(toolkit.tools),
    run: (name, params, id) => {
      if (!isName(name)) {
        return Effect.fail(
          AiError.make({
            module: "Toolkit",
            method: "handle",
            reason: new AiError.ToolNotFoundError({ toolName: name, availableTools: known })
          })
        )
      }
      const tool = toolkit.tools[name]
      if (tool?.needsApproval !== undefined && tool.needsApproval !== false) return Effect.fail(needsApproval(name))
      return toolkit.handle(
        name,
        fitted(tool, params) as Tool.ParametersEncoded<Tools[typeof name]>, // the handler decodes it
        id
      ).pipe(
        Stream.unwrap,
        Stream.runFoldEffect(
          (): ToolOutcome => ({ ok: false, output: { error: `tool ${name} returned no result` } }),
          (outcome, told) => told.preliminary ? Effect.succeed(outcome) : outcomeOf(tool, told)
        ),
        Effect.mapError((error: unknown) => declaredWords(tool, error))
      )
    }
  }
}

/**
 * Provides the tools with a context, over which the call and the telemetry of whoever runs them hold.
 *
 * @category combinators
 * @since 0.1.0
 */
export const provideContext = <R>(runner: ToolRunner<R>, context: Context.Context<R>): ToolRunner => ({
  ...runner,
  run: (name, params, id) => Effect.updateContext(runner.run(name, params, id), CallContext.mergeContext(context))
})

/**
 * No tools.
 *
 * @category constants
 * @since 0.1.0
 */
export const none: ToolRunner = make({ tools: {}, handle: () => Effect.die("there are no tools") })

/**
 * The tools of both. Where both have a tool of one name, the second one's counts.
 *
 * @category combinators
 * @since 0.1.0
 */
export const merge = <R = never, R2 = never>(first: ToolRunner<R>, second: ToolRunner<R2>): ToolRunner<R | R2> => {
  const tools = [...first.tools.filter(({ name }) => !second.isKnown(name)), ...second.tools]
  const known = tools.map(({ name }) => name)
  return {
    tools,
    isKnown: (name) => second.isKnown(name) || first.isKnown(name),
    nameOf: (told) => ToolName.find(told, known),
    tokens: first.tokens + second.tokens,
    run: (name, params, id) => second.isKnown(name) ? second.run(name, params, id) : first.run(name, params, id)
  }
}
