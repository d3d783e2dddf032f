/**
 * An agent of any `effect/ai` language model, with tools.
 *
 * The model is told what the user really heard: its own words come from the session's history, cut where the user cut
 * them. Its tools run in the session, not in the answer: an interruption stops the answer, and the tool's result is in
 * the prompt of the next.
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import type * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { AgentError, type BackendError } from "../BackendError.ts"
import * as TelemetryContext from "../telemetry/TelemetryContext.ts"
import type { Agent, AgentInput } from "./Agent.ts"
import * as LanguageModelErrors from "./LanguageModelErrors.ts"
import * as LanguageModelSpan from "./LanguageModelSpan.ts"
import * as ToolCalls from "./ToolCalls.ts"
import { toMessages, type ToolCall, type ToolOutcome } from "./ToolHistory.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface LanguageModelOptions<Tools extends Record<string, Tool.Any> = {}, R = never> {
  /** The name under which an `AgentRegistry` knows it. */
  readonly name?: string | undefined
  /** What the model is told about its role. Ask it for short sentences without markup: they will be spoken. */
  readonly instructions?: string | undefined
  /** What the model may call: a `Toolkit`, whose handlers come from the context. */
  readonly toolkit?: Effect.Effect<Toolkit.WithHandler<Tools>, never, R> | undefined
  /** How long a call may take; the model is told when it takes longer. Default: 10 s. */
  readonly toolTimeout?: Duration.Input | undefined
  /** How often in a turn the model may call tools, before it must answer. Default: 8. */
  readonly toolRounds?: number | undefined
  /** What is said, once in a turn, when tools take longer than `after`; each turn the next phrase. Default: nothing. */
  readonly slowTool?: {
    readonly after: Duration.Input
    readonly phrases: Arr.NonEmptyReadonlyArray<string>
  } | undefined
}

/** Whoever waits for words is told so often that something goes on. */
const SIGN_OF_LIFE = Duration.seconds(1)

/** Calls of one answer of the model's that are looked at. */
const MAX_ASKED = 32

/** The model with its tools, whatever their types. */
interface Model<R> {
  readonly write: (
    prompt: ReadonlyArray<Prompt.MessageEncoded>,
    calls: boolean
  ) => Stream.Stream<Written, AiError.AiError, R>
  readonly isKnown: (name: string) => boolean
  readonly run: (name: string, params: unknown, id: string) => Effect.Effect<ToolOutcome, unknown, R>
}

type Written =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "call"; readonly call: Response.ToolCallPartEncoded }

const open = <Tools extends Record<string, Tool.Any>>(
  toolkit: Toolkit.WithHandler<Tools>
): Model<LanguageModel.LanguageModel | Tool.HandlerServices<Tools[keyof Tools]>> => {
  const isName = (name: string): name is Extract<keyof Tools, string> => Object.hasOwn(toolkit.tools, name)
  const known = Object.keys(toolkit.tools)
  return {
    write: (prompt, calls) =>
      LanguageModel.streamText({
        prompt: [...prompt],
        toolkit,
        toolChoice: calls ? "auto" : "none",
        disableToolCallResolution: true,
        toolCallValidation: "deferred"
      }).pipe(
        LanguageModelSpan.annotate,
        Stream.map((part): Written | undefined =>
          part.type === "text-delta"
            ? { type: "text", text: part.delta }
            : part.type === "tool-call" && part.providerExecuted !== true
            ? { type: "call", call: { type: "tool-call", id: part.id, name: part.name, params: part.params } }
            : undefined
        ),
        Stream.filter((part) => part !== undefined)
      ),
    isKnown: isName,
    run: (name, params, id) =>
      isName(name)
        ? toolkit.handle(
          name,
          params as Tool.ParametersEncoded<Tools[typeof name]>, // the handler decodes what the model wrote
          id
        ).pipe(
          Stream.unwrap,
          Stream.runFold(
            (): ToolOutcome => ({ ok: false, output: { error: `the tool ${name} gave no result` } }),
            (outcome, { encodedResult, isFailure, preliminary }): ToolOutcome =>
              preliminary ? outcome : { ok: !isFailure, output: encodedResult }
          )
        )
        : Effect.fail(
          AiError.make({
            module: "Toolkit",
            method: "handle",
            reason: new AiError.ToolNotFoundError({ toolName: name, availableTools: known })
          })
        )
  }
}

/**
 * Makes an agent of an `effect/ai` language model: the conversation as it was heard and the new turn go in, its text comes
 * out as it is written. The model is whatever Layer the application provides.
 *
 * Its tools are called when the turn is sure to be answered (`committed`), those that it asks for at once in parallel. A
 * tool that fails, takes too long, does not exist or cannot read its input tells the model so. When the user interrupts,
 * tools go on to their end: the next turn's prompt has each call with its result, and a call that still goes on is not
 * begun a second time. The last 64 calls of a session are remembered.
 *
 * Fails `agent_error` when the model has answered nothing after `toolRounds`; what the model fails with keeps vendor,
 * status and request id in `details`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromLanguageModel = <Tools extends Record<string, Tool.Any> = {}, R = never>(
  options: LanguageModelOptions<Tools, R> = {}
): Agent<LanguageModel.LanguageModel | R | Tool.HandlerServices<Tools[keyof Tools]>> => {
  const { toolkit } = options
  type Services = LanguageModel.LanguageModel | R | Tool.HandlerServices<Tools[keyof Tools]>
  const model: Effect.Effect<Model<Services>, never, R> = toolkit === undefined
    ? Effect.map(Toolkit.empty, open)
    : Effect.map(toolkit, open)
  const settings: Settings = {
    name: options.name ?? "the model",
    instructions: options.instructions,
    timeout: Duration.fromInputUnsafe(options.toolTimeout ?? "10 seconds"),
    rounds: Math.max(0, options.toolRounds ?? 8),
    slowAfter: options.slowTool === undefined ? Duration.infinity : Duration.fromInputUnsafe(options.slowTool.after),
    phrases: options.slowTool?.phrases ?? []
  }
  return {
    name: options.name,
    respond: (input) =>
      Stream.fromEffect(Effect.zip(model, Effect.context<Services>())).pipe(
        Stream.flatMap(([{ isKnown, run, write }, context]) =>
          answer(
            {
              isKnown,
              write: (prompt, calls) => Stream.provideContext(write(prompt, calls), context),
              run: (name, params, id) =>
                Effect.updateContext(run(name, params, id), TelemetryContext.mergeContext(context))
            },
            settings,
            input
          )
        ),
        Stream.catchCause((cause) =>
          Cause.hasInterruptsOnly(cause)
            ? Stream.fromEffect(Effect.interrupt)
            : Stream.fail(LanguageModelErrors.fromCause(cause))
        )
      )
  }
}

interface Settings {
  readonly name: string
  readonly instructions: string | undefined
  readonly timeout: Duration.Duration
  readonly rounds: number
  readonly slowAfter: Duration.Duration
  readonly phrases: ReadonlyArray<string>
}

type Answer = Stream.Stream<string, BackendError | AiError.AiError>

const answer = (model: Model<never>, settings: Settings, input: AgentInput): Answer =>
  Stream.suspend(() => {
    const calls = ToolCalls.make(input, { run: model.run, isKnown: model.isKnown, timeout: settings.timeout })
    const prompt: ReadonlyArray<Prompt.MessageEncoded> = [
      ...(settings.instructions === undefined ? [] : [{ role: "system" as const, content: settings.instructions }]),
      ...calls.history.toPrompt(input)
    ]
    let patient = settings.phrases.length === 0

    /** Waits for tools; says so once when they are slow, and shows now and then that there is life. */
    const wait = (done: Effect.Effect<void>): Stream.Stream<string> =>
      Stream.unwrap(
        Effect.map(Effect.timeoutOption(done, patient ? SIGN_OF_LIFE : settings.slowAfter), (over) => {
          if (over._tag === "Some") return Stream.empty
          if (patient) return Stream.concat(Stream.succeed(""), wait(done))
          patient = true
          const phrase = settings.phrases[(input.turn - 1) % settings.phrases.length] ?? ""
          return Stream.concat(Stream.succeed(`${phrase}\n\n`), wait(done))
        })
      )

    const round = (before: ReadonlyArray<Prompt.MessageEncoded>, left: number): Answer => {
      const asked: Array<Response.ToolCallPartEncoded> = []
      let text = ""
      const written = model.write(before, left > 0).pipe(
        Stream.map((part) => {
          if (part.type === "call") {
            // more than are ever run; the rest is not even kept
            if (asked.length < MAX_ASKED) asked.push(part.call)
            return ""
          }
          text += part.text
          return part.text
        })
      )
      const then = Stream.suspend((): Answer => {
        if (asked.length === 0) return Stream.empty
        if (left === 0) return text.trim() === "" ? Stream.fail(tooManyRounds(settings)) : Stream.empty
        return act(before, asked, text, left)
      })
      return Stream.concat(written, then)
    }

    const act = (
      before: ReadonlyArray<Prompt.MessageEncoded>,
      asked: ReadonlyArray<Response.ToolCallPartEncoded>,
      text: string,
      left: number
    ): Answer =>
      // what was said before is a sentence, whatever follows
      Stream.succeed(text.trim() === "" ? "" : "\n\n").pipe(
        Stream.concat(Stream.unwrap(
          input.committed.pipe(
            Effect.andThen(calls.start(asked)),
            Effect.map(({ calls: begun, done }) =>
              Stream.concat(wait(done), Stream.suspend(() => goOn(before, begun, text, left)))
            )
          )
        ))
      )

    const goOn = (
      before: ReadonlyArray<Prompt.MessageEncoded>,
      begun: ReadonlyArray<ToolCall>,
      text: string,
      left: number
    ): Answer => {
      const next = calls.handedOverTo()
      return next === undefined ? round([...before, ...toMessages(begun, text)], left - 1) : next.respond(input)
    }
    return round(prompt, settings.rounds)
  })

const tooManyRounds = ({ name, rounds }: Settings) =>
  new AgentError({
    op: "Agent.respond",
    message: `${name} called tools ${rounds} times and answered nothing`,
    details: { rounds },
    retryable: false
  })
