/**
 * Summarises what has left an agent's prompt, with the agent's model.
 *
 * It is asked when the agent has answered, and never while it is asked for an answer: the next answer ends a summary that is
 * not done, as a server may work on one request at a time.
 *
 * @since 0.1.0
 */
import type * as Prompt from "effect/ai/Prompt"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Timeout } from "../BackendError.ts"
import type { HistoryItem } from "../conversation/History.ts"
import { deadline } from "../Deadline.ts"
import * as ThrownValue from "../ThrownValue.ts"
import type { AgentSession } from "./Agent.ts"
import type { HistorySettings } from "./HistorySettings.ts"
import { ModelText } from "./ModelText.ts"
import { type PromptWindow, summaryPrompt } from "./PromptWindow.ts"

const DEADLINE = "30 seconds"
/** Characters of a summary; the rest of a longer one is not read. */
const MAX_CHARACTERS = 2_000
/** The share of `maxTokens` that is summarised at once. */
const SHARE = 0.5

/**
 * @category models
 * @since 0.1.0
 */
export interface ConversationSummaryOptions {
  readonly window: PromptWindow
  /** The conversation before the turn that is answered. */
  readonly history: ReadonlyArray<HistoryItem>
  readonly settings: HistorySettings
  /** Runs it beyond the answer; outside of a session nothing is summarised. */
  readonly session: AgentSession | undefined
  readonly ask: (
    prompt: ReadonlyArray<Prompt.MessageEncoded>
  ) => Stream.Stream<{ readonly type: "text"; readonly text: string } | { readonly type: "call" }, unknown>
  /** The agent's name, for the log. */
  readonly agent: string
}

/**
 * Stops the summary of a former answer, and makes the stream that starts the next one, if there is anything to summarise. It
 * has no elements and does not wait. A summary that fails is logged, and the mark stays.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: ConversationSummaryOptions): Stream.Stream<never> => {
  const { agent, ask, history, session, settings, window } = options
  if (session === undefined || !settings.summarise) return Stream.empty
  window.stopSummary()
  return Stream.fromEffectDrain(Effect.suspend(() => {
    const leftOut = window.leftOut(history, settings)
    if (leftOut === undefined) return Effect.void
    const stop = Deferred.makeUnsafe<void>()
    const end = window.startSummary(() => Deferred.doneUnsafe(stop, Effect.void))
    const said = new ModelText({ opensThought: "no" }, () => undefined, false)
    const summarise = ask(summaryPrompt(leftOut, Math.floor(settings.maxTokens * SHARE))).pipe(
      Stream.takeWhile(() => said.text.length < MAX_CHARACTERS),
      Stream.runForEach((part) => Effect.sync(() => part.type === "text" ? said.push(part.text) : "")),
      deadline("Agent.summarise", "the summary of the conversation", DEADLINE),
      Effect.andThen(Effect.suspend(() => {
        said.end()
        const text = said.text.trim().slice(0, MAX_CHARACTERS)
        if (text === "") return Effect.fail(new Timeout({ op: "Agent.summarise", message: "the summary has no words" }))
        window.summarised(text, leftOut.to)
        return Effect.void
      })),
      Effect.catchCause((cause) => {
        window.notSummarised(leftOut.to)
        return Cause.hasInterruptsOnly(cause)
          ? Effect.void
          : Effect.annotateLogs(
            Effect.logWarning("the conversation could not be summarised", ThrownValue.loggable(cause)),
            { agent }
          )
      }),
      Effect.raceFirst(Deferred.await(stop)),
      Effect.ensuring(Effect.sync(end))
    )
    return session.background(summarise)
  }))
}
