/**
 * An agent of any `effect/ai` language model, with tools.
 *
 * The prompt holds what the user really heard: the model's own answers come from the session's history, cut off where the
 * user interrupted them. Tools run in the session and not in the answer: an interruption ends the answer, and the tool's
 * result is in the prompt of the next one.
 *
 * @since 0.1.0
 */
import type * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import type * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import type * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { AgentError, type BackendError } from "../BackendError.ts"
import type { Agent, AgentClient, AgentInput, AgentSession } from "./Agent.ts"
import * as CallContext from "./CallContext.ts"
import * as ConversationSummary from "./ConversationSummary.ts"
import { EngineInstructions } from "./EngineInstructions.ts"
import * as HistorySettings from "./HistorySettings.ts"
import * as Instructions from "./Instructions.ts"
import * as LanguageModelErrors from "./LanguageModelErrors.ts"
import * as LanguageModelSpan from "./LanguageModelSpan.ts"
import { type ChatTemplate, ModelText } from "./ModelText.ts"
import type { Conversation } from "./PromptBudget.ts"
import { PromptWindow, type WindowPrompt } from "./PromptWindow.ts"
import * as ToolCalls from "./ToolCalls.ts"
import { toMessages, type ToolCall } from "./ToolHistory.ts"
import * as ToolRunner from "./ToolRunner.ts"
import type { ClientToolChoice, ClientToolkit } from "./tools/ClientTools.ts"
import type { AnyTool } from "./tools/RemoteToolkit.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface LanguageModelOptions<Tools extends Record<string, Tool.Any> = {}, R = never, Asked = never> {
  /** The agent's name in the `AgentRegistry`, and in the log. */
  readonly name?: string | undefined
  /** What the agent says first, without asking the model, where the config has no `conversation.greeting`. Default: nothing. */
  readonly greeting?: string | undefined
  /**
   * The system prompt: a text, or a function of the call that gives it, at once or as an effect. Ask for short sentences without
   * markup, because they are spoken. A function is asked for each answer, also for a preemptive one that may be dropped. What it
   * fails with is logged; the turn then fails `agent_error`.
   */
  readonly instructions?: Instructions.Instructions<Asked> | undefined
  /** The tools: a `Toolkit`, whose handlers come from the context. */
  readonly toolkit?: Effect.Effect<Toolkit.WithHandler<Tools>, never, R> | undefined
  /**
   * Whether the model's chat template opens its thought, so that an answer begins inside it and only the closing tag arrives:
   * then nothing before that tag is spoken. Without this it is noticed at the first answer that has only a closing tag.
   * Default: false.
   */
  readonly startsInThought?: boolean | undefined
  /** How long a call may take; the model receives a timeout after that. Default: 10 s. */
  readonly toolTimeout?: Duration.Input | undefined
  /** How often in a turn the model may call tools before it must answer. Default: 8. */
  readonly toolRounds?: number | undefined
  /**
   * How much of the conversation the model is told: `maxTokens`, `keep`, `summarise`. Default: the backend's `history`, and
   * outside of a backend 16,000 tokens without a summary.
   */
  readonly history?: HistorySettings.HistoryOptions | undefined
  /** A phrase to say, once in a turn, when tools take longer than `after`; the phrases take turns. Default: none. */
  readonly slowTool?: {
    readonly after: Duration.Input
    readonly phrases: Arr.NonEmptyReadonlyArray<string>
  } | undefined
}

/** How often an empty text is sent while tools run, so that the answer does not count as stalled. */
const KEEPALIVE_INTERVAL = Duration.seconds(1)

/** The model with its tools, without the types of the tools. */
interface Model<R> extends ToolRunner.ToolRunner<R> {
  readonly stream: (
    prompt: ReadonlyArray<Prompt.MessageEncoded>,
    choice: ClientToolChoice
  ) => Stream.Stream<ModelOutput, AiError.AiError, R>
}

type ModelOutput =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "call"; readonly call: Response.ToolCallPartEncoded }

const withToolkit = <Tools extends Record<string, Tool.Any>>(
  toolkit: Toolkit.WithHandler<Tools>,
  client: ClientToolkit | undefined
): Model<LanguageModel.LanguageModel | Tool.HandlerServices<Tools[keyof Tools]>> => {
  const own = ToolRunner.make(toolkit)
  // a client must not stand in for a tool of the agent
  const runner = client === undefined ? own : ToolRunner.merge(ToolRunner.make(client), own)
  const offered: Record<string, Tools[keyof Tools] | AnyTool> = { ...client?.tools, ...toolkit.tools }
  return {
    ...runner,
    stream: (prompt, choice) =>
      LanguageModel.streamText({
        prompt: [...prompt],
        // tool calls are resolved by the runner
        toolkit: { tools: offered, handle: () => Effect.die("a tool call is not run by its toolkit") },
        toolChoice: typeof choice === "string"
          ? choice
          : runner.isKnown(choice.name)
          ? { tool: choice.name }
          : "auto",
        disableToolCallResolution: true,
        toolCallValidation: "deferred"
      }).pipe(
        LanguageModelSpan.annotate,
        Stream.map((part): ModelOutput | undefined =>
          part.type === "text-delta"
            ? { type: "text", text: part.delta }
            // an empty text shows that the model is at work
            : part.type === "reasoning-delta"
            ? { type: "text", text: "" }
            : part.type === "tool-call" && part.providerExecuted !== true
            ? {
              type: "call",
              call: { type: "tool-call", id: part.id, name: runner.nameOf(part.name) ?? part.name, params: part.params }
            }
            : undefined
        ),
        Stream.filter((part) => part !== undefined)
      )
  }
}

/**
 * Makes an agent from an `effect/ai` language model. The prompt is the conversation as it was heard and the new turn; the
 * answer is streamed. The application provides the model as a Layer.
 *
 * Tools are called once the turn is `committed`; the calls of one response run in parallel. The model receives an error when
 * a tool fails, times out, does not exist or cannot decode its input. When the user interrupts, tools run to their end: the
 * next turn's prompt has each call with its result, and a call that is still running is not started a second time. The last
 * 64 calls of a session are kept.
 *
 * Thoughts of the model are left out: `<think>` and the marks of other models, and reasoning that its server tells apart. A
 * call that the model writes as text (`<tool_call>…`) runs when it names a tool of the toolkit.
 *
 * The prompt has a budget (`history`): the instructions, and the newest turns that fit, each with its tool calls and their
 * results. What leaves is marked as left out, or summarised. When the model refuses a prompt as too long, half of the
 * conversation is sent once more in the same turn, and the session keeps to that.
 *
 * Fails `agent_error` when the model has not answered after `toolRounds`, and when a prompt is too long in spite of all that
 * (`details.reason` is `context_length_exceeded`). Errors of the model keep vendor, status and request id in `details`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromLanguageModel = <Tools extends Record<string, Tool.Any> = {}, R = never, Asked = never>(
  options: LanguageModelOptions<Tools, R, Asked> = {}
): Agent<LanguageModel.LanguageModel | R | Asked | Tool.HandlerServices<Tools[keyof Tools]>> => {
  const { instructions, toolkit } = options
  type Services = LanguageModel.LanguageModel | R | Asked | Tool.HandlerServices<Tools[keyof Tools]>
  const model = (client: AgentClient | undefined): Effect.Effect<Model<Services>, never, R> =>
    toolkit === undefined
      ? Effect.map(Toolkit.empty, (none) => withToolkit(none, client?.toolkit))
      : Effect.map(toolkit, (own) => withToolkit(own, client?.toolkit))
  const settings: Settings = {
    name: options.name ?? "the language model",
    timeout: Duration.fromInputUnsafe(options.toolTimeout ?? "10 seconds"),
    rounds: Math.max(0, options.toolRounds ?? 8),
    slowAfter: options.slowTool === undefined ? Duration.infinity : Duration.fromInputUnsafe(options.slowTool.after),
    phrases: options.slowTool?.phrases ?? [],
    history: options.history,
    windows: new WeakMap(),
    template: { opensThought: options.startsInThought === true ? "yes" : "no" }
  }
  return {
    name: options.name,
    greeting: options.greeting,
    respond: (input) =>
      Stream.fromEffect(
        Effect.all([model(input.session?.client), Effect.context<Services>(), Instructions.ask(instructions)])
      ).pipe(
        Stream.flatMap(([{ stream, ...runner }, context, system]) =>
          answer(
            {
              ...ToolRunner.provideContext(runner, context),
              tokens: runner.tokens + Context.get(context, EngineInstructions).tokens,
              stream: (prompt, choice) => Stream.provideContext(stream(prompt, choice), context)
            },
            settings,
            Instructions.join(system, input.instructions),
            input
          )
        ),
        Stream.catchCause((cause) => Stream.fail(LanguageModelErrors.fromCause(cause))),
        CallContext.orWithin(input)
      )
  }
}

interface Settings {
  readonly name: string
  readonly timeout: Duration.Duration
  readonly rounds: number
  readonly slowAfter: Duration.Duration
  readonly phrases: ReadonlyArray<string>
  readonly history: LanguageModelOptions["history"]
  /** What each session's prompts have of the conversation. */
  readonly windows: WeakMap<AgentSession, PromptWindow>
  readonly template: ChatTemplate
}

/** The window of a session; outside of a session, one for this answer. */
const windowOf = ({ windows }: Settings, session: AgentSession | undefined): PromptWindow => {
  const known = session === undefined ? undefined : windows.get(session)
  if (known !== undefined) return known
  const fresh = new PromptWindow()
  if (session !== undefined) windows.set(session, fresh)
  return fresh
}

type Answer = Stream.Stream<string, BackendError | AiError.AiError>

const answer = (model: Model<never>, settings: Settings, system: string | undefined, input: AgentInput): Answer =>
  Stream.suspend(() => {
    const { history, session } = input
    const calls = ToolCalls.make(input, { run: model.run, isKnown: model.isKnown, timeout: settings.timeout })
    const window = windowOf(settings, session)
    const historySettings = HistorySettings.complete(settings.history, session?.history)
    const asked = calls.history.toPrompt({ ...input, from: window.startOf(history) })
    const summary = ConversationSummary.make({
      window,
      history,
      settings: historySettings,
      session,
      ask: (prompt) => model.stream(prompt, "none"),
      agent: settings.name
    })
    let hasRetried = false
    let phraseSpoken = settings.phrases.length === 0

    /** Waits for the tools: says a phrase once when they are slow, and sends empty texts meanwhile. */
    const waitForTools = (done: Effect.Effect<void>): Stream.Stream<string> =>
      Stream.unwrap(
        Effect.map(Effect.timeoutOption(done, phraseSpoken ? KEEPALIVE_INTERVAL : settings.slowAfter), (result) => {
          if (result._tag === "Some") return Stream.empty
          if (phraseSpoken) return Stream.concat(Stream.succeed(""), waitForTools(done))
          phraseSpoken = true
          const phrase = settings.phrases[(input.turn - 1) % settings.phrases.length] ?? ""
          return Stream.concat(Stream.succeed(`${phrase}\n\n`), waitForTools(done))
        })
      )

    const askModel = (rounds: Conversation["rounds"], roundsLeft: number): Answer =>
      Stream.suspend(() => {
        const prompt = window.prompt({ ...asked, rounds: [...asked.rounds, ...rounds] }, history, {
          system,
          fixedTokens: model.tokens,
          settings: historySettings
        })
        const said = new ModelText(settings.template, model.nameOf, model.tools.length > 0)
        return read(prompt, said, rounds, roundsLeft).pipe(
          Stream.catch((error): Answer => {
            if (!LanguageModelErrors.isPromptTooLong(error)) return Stream.fail(error)
            const tokens = window.halve(prompt.tokens)
            // what was said of an answer cannot be taken back
            if (hasRetried || said.text !== "" || said.calls.length > 0) {
              return Stream.fail(LanguageModelErrors.promptTooLong(error))
            }
            hasRetried = true
            return Stream.concat(
              Stream.fromEffectDrain(logHalved(settings, prompt.tokens, tokens)),
              askModel(rounds, roundsLeft)
            )
          })
        )
      })

    const read = (
      { messages }: WindowPrompt,
      said: ModelText,
      rounds: Conversation["rounds"],
      roundsLeft: number
    ): Answer => {
      // what the client asks of the model holds for the first call: a model that must call tools would never answer
      const choice = rounds.length === 0 ? session?.client?.toolChoice ?? "auto" : "auto"
      const output = model.stream(messages, roundsLeft > 0 ? choice : "none").pipe(
        Stream.map((part) => {
          if (part.type === "text") return said.push(part.text)
          said.call(part.call)
          return ""
        }),
        Stream.concat(Stream.suspend(() => Stream.fromIterable([said.end()].filter((text) => text !== ""))))
      )
      const unread = Stream.fromEffectDrain(
        Effect.suspend(() =>
          said.unread === 0
            ? Effect.void
            : Effect.logWarning("the model wrote a tool call as text that no tool matches")
        )
      )
      const rest = Stream.suspend((): Answer => {
        const { calls: requested, text } = said
        if (requested.length === 0) {
          return Stream.empty
        }
        if (roundsLeft === 0) {
          return text.trim() === "" ? Stream.fail(tooManyRounds(settings)) : Stream.empty
        }
        return callTools(rounds, requested, text, roundsLeft)
      })
      return output.pipe(Stream.concat(unread), Stream.concat(rest))
    }

    const callTools = (
      rounds: Conversation["rounds"],
      requested: ReadonlyArray<Response.ToolCallPartEncoded>,
      text: string,
      roundsLeft: number
    ): Answer =>
      // the line break ends the sentence before the tools, so that it is spoken without waiting for them
      Stream.succeed(text.trim() === "" ? "" : "\n\n").pipe(
        Stream.concat(Stream.unwrap(
          input.committed.pipe(
            Effect.andThen(calls.start(requested)),
            Effect.map(({ calls: started, done }) =>
              Stream.concat(
                waitForTools(done),
                Stream.suspend(() => continueAnswer(rounds, started, text, roundsLeft))
              )
            )
          )
        ))
      )

    const continueAnswer = (
      rounds: Conversation["rounds"],
      started: ReadonlyArray<ToolCall>,
      text: string,
      roundsLeft: number
    ): Answer => {
      const next = calls.handedOverTo()
      return next === undefined
        ? askModel([...rounds, toMessages(started, text)], roundsLeft - 1)
        : next.respond(input)
    }
    return Stream.concat(askModel([], settings.rounds), summary)
  })

const logHalved = ({ name }: Settings, tokens: number, atMost: number) =>
  Effect.logWarning("the language model refused a prompt as too long: it gets half of the conversation from now on")
    .pipe(
      Effect.annotateLogs({ agent: name, tokens, max_tokens: atMost })
    )

const tooManyRounds = ({ name, rounds }: Settings) =>
  new AgentError({
    op: "Agent.respond",
    message: `${name} called tools ${rounds} times without answering`,
    details: { rounds },
    retryable: false
  })
