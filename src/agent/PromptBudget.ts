/**
 * Fits a conversation into a number of tokens: the newest whole turns, never a tool's result without its call. Pure.
 *
 * @since 0.1.0
 */
import type * as Prompt from "effect/ai/Prompt"
import * as TokenEstimate from "./TokenEstimate.ts"

type Message = Prompt.MessageEncoded

/**
 * A turn before the present one, with its tool calls.
 *
 * @category models
 * @since 0.1.0
 */
export interface PastTurn {
  /** The index of its first item in the session's history. */
  readonly from: number
  readonly messages: ReadonlyArray<Message>
}

/**
 * A conversation as a prompt has it.
 *
 * - `past`: the turns before the present one, from the oldest.
 * - `question`: what the user says now; empty where the agent is asked to go on by itself.
 * - `rounds`: the rounds of tool calls of this turn, each with its results.
 *
 * @category models
 * @since 0.1.0
 */
export interface Conversation {
  readonly past: ReadonlyArray<PastTurn>
  readonly question: string
  readonly rounds: ReadonlyArray<ReadonlyArray<Message>>
}

/**
 * A conversation that fits.
 *
 * - `past`: the turns that are kept. `current`: the present one.
 * - `tokens`: the estimate of both.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fitted {
  readonly past: ReadonlyArray<PastTurn>
  readonly current: ReadonlyArray<Message>
  readonly tokens: number
}

/**
 * Stands for what is left out of a text or a tool's result.
 *
 * @category constants
 * @since 0.1.0
 */
export const LEFT_OUT = "(left out)"

/** The tokens to which a tool's input or result is shortened where it does not fit. */
const SHORT = 96
/** The share that is used when turns must leave, so that the beginning of the prompt then stays the same for many turns. */
const AFTER_CUT = 0.75

const shortResult = (result: unknown): unknown => {
  const text = typeof result === "string" ? result : JSON.stringify(result) ?? "null"
  return TokenEstimate.ofText(text) <= SHORT ? result : TokenEstimate.shorten(text, SHORT, LEFT_OUT)
}

/** The messages with their long tool results shortened, and with long inputs left out. */
const shortened = (messages: ReadonlyArray<Message>): ReadonlyArray<Message> =>
  messages.map((message): Message => {
    if (message.role === "tool") {
      return {
        ...message,
        content: message.content.map((part) =>
          part.type === "tool-result" ? { ...part, result: shortResult(part.result) } : part
        )
      }
    }
    if (message.role !== "assistant" || typeof message.content === "string") return message
    return {
      ...message,
      content: message.content.map((part) =>
        part.type === "tool-call" && TokenEstimate.ofJson(part.params) > SHORT ? { ...part, params: {} } : part
      )
    }
  })

/** Stands for what the user says where the agent begins: many models take no prompt without a message of the user. */
const BEGINS = "(the conversation begins)"
/** The same where the agent spoke last. */
const NOTHING_SAID = "(nothing has been said since)"

/** The present turn where nothing was asked: the results of its tools, or a note that it is the agent's turn. */
const fitUnasked = ({ past, rounds }: Conversation, maxTokens: number) =>
  rounds.length === 0
    ? fitQuestion({ past, question: past.length === 0 ? BEGINS : NOTHING_SAID, rounds }, maxTokens)
    : fitRounds(rounds, [], 0, maxTokens)

/** The present turn: first the user's text is shortened, then the results of its rounds, then the oldest rounds leave. */
const fitCurrent = (conversation: Conversation, maxTokens: number) =>
  conversation.question.trim() === "" ? fitUnasked(conversation, maxTokens) : fitQuestion(conversation, maxTokens)

const fitQuestion = ({ question, rounds }: Conversation, maxTokens: number) => {
  const messageOf = (text: string): Message => ({ role: "user", content: [{ type: "text", text }] })
  const share = rounds.length === 0 ? maxTokens : maxTokens / 2
  let asked = messageOf(question)
  let askedTokens = TokenEstimate.ofMessages([asked])
  if (askedTokens > share) {
    asked = messageOf(TokenEstimate.shorten(question, Math.max(16, share - 16), LEFT_OUT))
    askedTokens = TokenEstimate.ofMessages([asked])
  }
  return fitRounds(rounds, [asked], askedTokens, maxTokens)
}

const fitRounds = (
  rounds: Conversation["rounds"],
  asked: ReadonlyArray<Message>,
  askedTokens: number,
  maxTokens: number
) => {
  const kept = rounds.map((messages) => ({ messages, tokens: TokenEstimate.ofMessages(messages) }))
  let tokens = kept.reduce((sum, round) => sum + round.tokens, askedTokens)
  for (const round of kept) {
    if (tokens <= maxTokens) break
    const messages = shortened(round.messages)
    const shorter = TokenEstimate.ofMessages(messages)
    tokens += shorter - round.tokens
    Object.assign(round, { messages, tokens: shorter })
  }
  // the newest results are what the model was asked again for
  while (tokens > maxTokens && kept.length > 1) tokens -= kept.shift()?.tokens ?? 0
  return { messages: [...asked, ...kept.flatMap(({ messages }) => messages)], tokens }
}

/** The newest turns that fit; one that is too long is tried with its tools' results shortened. */
const newest = (past: ReadonlyArray<PastTurn>, maxTokens: number) => {
  const kept: Array<PastTurn> = []
  let tokens = 0
  for (const turn of past.toReversed()) {
    const whole = TokenEstimate.ofMessages(turn.messages)
    if (tokens + whole <= maxTokens) {
      kept.unshift(turn)
      tokens += whole
      continue
    }
    const messages = shortened(turn.messages)
    const shorter = TokenEstimate.ofMessages(messages)
    if (tokens + shorter > maxTokens) break
    kept.unshift({ ...turn, messages })
    tokens += shorter
  }
  return { kept, tokens }
}

/**
 * Fits a conversation: the present turn first, then the newest turns before it, at most `keep` of them. When turns must leave,
 * more leave than is needed, so that the next prompts begin with the same words: servers keep what they have computed of
 * those.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fit = (
  conversation: Conversation,
  { keep, maxTokens }: { readonly maxTokens: number; readonly keep?: number | undefined }
): Fitted => {
  const current = fitCurrent(conversation, maxTokens)
  const left = maxTokens - current.tokens
  const past = keep === undefined ? conversation.past : conversation.past.slice(-keep)
  const all = newest(past, left)
  const cut = all.kept.length === past.length ? all : newest(past, left * AFTER_CUT)
  // one long turn is better than none
  const { kept, tokens } = cut.kept.length === 0 ? newest(past.slice(-1), left) : cut
  return { past: kept, current: current.messages, tokens: current.tokens + tokens }
}
