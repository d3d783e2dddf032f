/**
 * What of a conversation an agent's model is told: the newest turns that fit, and what stands for those before them.
 *
 * One for each session of an agent. It remembers where the prompt begins and, after the model refused a prompt as too long, the
 * smaller budget.
 *
 * @since 0.1.0
 */
import type * as Prompt from "effect/ai/Prompt"
import { type HistoryItem, render } from "../conversation/History.ts"
import type { HistorySettings } from "./HistorySettings.ts"
import * as PromptBudget from "./PromptBudget.ts"
import * as TokenEstimate from "./TokenEstimate.ts"

/**
 * Stands for the turns that are left out.
 *
 * @category constants
 * @since 0.1.0
 */
export const MARK = "(earlier conversation left out)"

/** The share of `maxTokens` that the conversation has, whatever the instructions and tools need. */
const LEAST_SHARE = 0.25
/** The most of the conversation's tokens that the user's text takes from the turns that stay in the prompts to come. */
const QUESTION_SHARE = 0.25
/** The least tokens to which the budget of a conversation is halved. */
const LEAST_TOKENS = 64

/**
 * A prompt, and what it has of the conversation, in tokens.
 *
 * @category models
 * @since 0.1.0
 */
export interface WindowPrompt {
  readonly messages: ReadonlyArray<Prompt.MessageEncoded>
  readonly tokens: number
}

/**
 * What has left the prompt and is in no summary yet.
 *
 * @category models
 * @since 0.1.0
 */
export interface LeftOut {
  /** The summary of what left before, or none. */
  readonly summary: string
  readonly items: ReadonlyArray<HistoryItem>
  /** The position behind the last of the items, in the whole conversation. */
  readonly to: number
}

/**
 * @category models
 * @since 0.1.0
 */
export class PromptWindow {
  /**
   * The first item that the prompt has. This and the other positions count the items of the whole conversation: the oldest may
   * have left the history, which is bounded.
   */
  #from = 0
  /** The items from there on, by which it is found again in a history that was changed. */
  #kept: ReadonlyArray<HistoryItem> = []
  /** After a refusal: the most tokens of the conversation. */
  #refused = Number.POSITIVE_INFINITY
  #summary = ""
  /** The position behind the last item that the summary has. */
  #summarisedTo = 0
  /** The items that had left when a summary last failed. */
  #triedTo = 0
  #stopSummary: (() => void) | undefined

  /** The index of the first item that the next prompt may have. */
  startOf(history: ReadonlyArray<HistoryItem>): number {
    const moved = this.#movedIn(history)
    this.#from += moved
    if (moved < 0) {
      this.#summarisedTo = Math.max(0, this.#summarisedTo + moved)
      this.#triedTo = Math.max(0, this.#triedTo + moved)
    }
    // the history was taken back further than what is left out
    this.#from = Math.min(this.#from, endOf(history))
    return Math.max(0, this.#from - firstOf(history))
  }

  /**
   * Makes the messages of a prompt. `system` are the instructions, which are always kept; `fixedTokens` is the estimate of what
   * else every prompt has, such as the tools. Turns that leave because the present one is long, as with a tool's long result,
   * are back in the next prompt that has room for them.
   */
  prompt(
    conversation: PromptBudget.Conversation,
    history: ReadonlyArray<HistoryItem>,
    { fixedTokens, settings: { keep, maxTokens }, system }: {
      readonly system: string | undefined
      readonly fixedTokens: number
      readonly settings: HistorySettings
    }
  ): WindowPrompt {
    const instructions: ReadonlyArray<Prompt.MessageEncoded> = system === undefined
      ? []
      : [{ role: "system", content: system }]
    const fixed = fixedTokens + TokenEstimate.ofMessages(instructions)
    const summary = this.#preface(Number.POSITIVE_INFINITY)
    const budget = Math.min(Math.max(maxTokens - fixed, maxTokens * LEAST_SHARE), this.#refused)
    const room = Math.max(budget - TokenEstimate.ofText(summary), budget / 2)
    const { current, past, tokens } = PromptBudget.fit(conversation, { keep, maxTokens: room })
    const startOf = (kept: ReadonlyArray<PromptBudget.PastTurn>) =>
      kept.length === conversation.past.length
        ? Math.max(this.#from, firstOf(history))
        : firstOf(history) + (kept[0]?.from ?? history.length)
    const start = startOf(past)
    if (past.length < conversation.past.length) {
      const question = TokenEstimate.shorten(conversation.question, room * QUESTION_SHARE, PromptBudget.LEFT_OUT)
      const usual = PromptBudget.fit({ past: conversation.past, question, rounds: [] }, { keep, maxTokens: room })
      this.#from = startOf(usual.past)
      this.#kept = history.slice(this.#from - firstOf(history))
    }
    const preface = start === 0 ? "" : this.#preface(start)
    return { messages: [...instructions, ...withPreface(preface, [...past.flatMap(messagesOf), ...current])], tokens }
  }

  /** The model refused a prompt with so many tokens of conversation: it is given half of them from now on. */
  halve(tokens: number): number {
    this.#refused = Math.max(LEAST_TOKENS, Math.floor(Math.min(tokens, this.#refused) / 2))
    return this.#refused
  }

  /** What is to be summarised; `undefined` while little has left since the last summary. */
  leftOut(history: ReadonlyArray<HistoryItem>, { keep }: Pick<HistorySettings, "keep">): LeftOut | undefined {
    const from = Math.min(this.#from, endOf(history))
    // where single turns leave, some are summarised together
    const least = keep === undefined ? 1 : Math.max(1, Math.floor(keep / 2))
    if (from - Math.max(this.#summarisedTo, this.#triedTo) < least) return undefined
    const first = firstOf(history)
    const items = history.slice(Math.max(0, this.#summarisedTo - first), Math.max(0, from - first))
    return items.length === 0 ? undefined : { summary: this.#summary, items, to: from }
  }

  /** Uses a summary of what has left. */
  summarised(text: string, to: number): void {
    this.#summary = text
    this.#summarisedTo = to
  }

  /** A summary could not be made: it is tried again when more has left. */
  notSummarised(to: number): void {
    this.#triedTo = to
  }

  /** A summary begins; the next answer stops it. Returns what to call at its end. */
  startSummary(stop: () => void): () => void {
    this.#stopSummary = stop
    return () => {
      if (this.#stopSummary === stop) this.#stopSummary = undefined
    }
  }

  /** Stops the summary that is being made. */
  stopSummary(): void {
    this.#stopSummary?.()
    this.#stopSummary = undefined
  }

  /** By how many items the first one of the prompt has moved. One that was cut is another object: it is told again. */
  #movedIn(history: ReadonlyArray<HistoryItem>): number {
    for (const [at, item] of this.#kept.entries()) {
      const index = history.lastIndexOf(item)
      if (index >= 0) return firstOf(history) + Math.max(0, index - at) - this.#from
    }
    return 0
  }

  /** What stands for the items before a position. */
  #preface(start: number): string {
    if (this.#summary === "") return MARK
    const summary = `(earlier conversation, summarised: ${this.#summary})`
    return this.#summarisedTo < start ? `${summary}\n${MARK}` : summary
  }
}

/** The position of a history's first item in the whole conversation, and the one behind its last item. */
const firstOf = (history: ReadonlyArray<HistoryItem>): number => history[0]?.omittedBefore ?? 0
const endOf = (history: ReadonlyArray<HistoryItem>): number => firstOf(history) + history.length

const messagesOf = ({ messages }: PromptBudget.PastTurn) => messages

/** Some chat templates want the user first, and no two messages of one role: it becomes part of the first message. */
const withPreface = (
  preface: string,
  messages: ReadonlyArray<Prompt.MessageEncoded>
): ReadonlyArray<Prompt.MessageEncoded> => {
  if (preface === "") return messages
  const [first, ...rest] = messages
  const part = { type: "text" as const, text: `${preface}\n\n` }
  return first?.role === "user" && typeof first.content !== "string"
    ? [{ ...first, content: [part, ...first.content] }, ...rest]
    : [{ role: "user", content: [{ type: "text", text: preface }] }, ...messages]
}

/** The line of an item in a text that is to be summarised. */
const lineOf = (item: HistoryItem): string => `${item.role === "user" ? "User" : "Assistant"}: ${render(item)}`

/**
 * The prompt that asks for a summary of what has left, in at most so many tokens of conversation.
 *
 * @category constructors
 * @since 0.1.0
 */
export const summaryPrompt = ({ items, summary }: LeftOut, maxTokens: number): ReadonlyArray<Prompt.MessageEncoded> => {
  const said = [...(summary === "" ? [] : [`Summary so far: ${summary}`]), ...items.map(lineOf)].join("\n")
  return [
    {
      role: "system",
      content:
        "You keep the notes of a conversation. Summarise it in at most 150 words, in its language: who the user is," +
        " what was asked, answered and agreed, names, numbers, dates, and what is still open. Write the summary and nothing else."
    },
    {
      role: "user",
      content: [{ type: "text", text: TokenEstimate.shorten(said, maxTokens, PromptBudget.LEFT_OUT) }]
    }
  ]
}
