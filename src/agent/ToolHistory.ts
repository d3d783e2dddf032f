/**
 * The tool calls of a session and their outcomes, by turn. They are kept beside the session's history, which holds only what
 * was heard.
 *
 * Bounded: the oldest finished calls are dropped first.
 *
 * @since 0.1.0
 */
import type * as Prompt from "effect/ai/Prompt"
import { type HistoryItem, render } from "../conversation/History.ts"
import * as Json from "../schema/Json.ts"
import type { Conversation } from "./PromptBudget.ts"

/** How many calls of a session are kept. */
const MAX_CALLS = 64
/** Characters of all kept inputs and outputs together. */
const MAX_CHARACTERS = 262_144
/** How often one turn may be handed over. */
const MAX_HAND_OVERS = 4

/**
 * The outcome of a call; `output` is JSON.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolOutcome {
  readonly ok: boolean
  readonly output: unknown
}

/**
 * A call of a tool.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolCall {
  /** Unique among the kept calls. */
  readonly id: string
  readonly name: string
  readonly params: unknown
  readonly turn: number
  /** Calls that the model made in one response have the same round. */
  readonly round: number
  outcome: ToolOutcome | undefined
}

const sizeOf = ({ outcome, params }: ToolCall): number =>
  (JSON.stringify(params) ?? "").length + (outcome === undefined ? 0 : (JSON.stringify(outcome.output) ?? "").length)

/**
 * Returns a key that is equal for calls of the same tool with equal input.
 *
 * @category accessors
 * @since 0.1.0
 */
export const callKey = ({ name, params }: Pick<ToolCall, "name" | "params">): string =>
  `${name}\n${Json.canonical(params)}`

/** The result of a running call, as the model reads it. */
const PENDING = { status: "running", note: "still running; the result will follow, do not call it again" }

interface Round {
  readonly turn: number
  readonly messages: ReadonlyArray<Prompt.MessageEncoded>
}

const toRounds = (calls: ReadonlyArray<ToolCall>): ReadonlyArray<Round> => {
  const rounds = new Map<number, Array<ToolCall>>()
  for (const call of calls) rounds.set(call.round, [...rounds.get(call.round) ?? [], call])
  return Array.from(rounds.values()).map((round) => ({ turn: round[0]!.turn, messages: toMessages(round) }))
}

/**
 * Converts the calls of one round into prompt messages: one of the assistant and one with the tools' results; none without
 * calls.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toMessages = (round: ReadonlyArray<ToolCall>, text = ""): ReadonlyArray<Prompt.MessageEncoded> =>
  round.length === 0 ? [] : [
    {
      role: "assistant",
      content: [
        ...(text.trim() === "" ? [] : [{ type: "text" as const, text }]),
        ...round.map(({ id, name, params }) => ({ type: "tool-call" as const, id, name, params }))
      ]
    },
    {
      role: "tool",
      content: round.map(({ id, name, outcome }) => ({
        type: "tool-result" as const,
        id,
        name,
        isFailure: outcome?.ok === false,
        result: outcome === undefined ? PENDING : outcome.output
      }))
    }
  ]

/**
 * The tool calls of one session.
 *
 * @category models
 * @since 0.1.0
 */
export class ToolHistory {
  #calls: ReadonlyArray<ToolCall> = []
  #round = 0
  #id = 0
  #handOverTurn = -1
  #handOvers = 0

  get calls(): ReadonlyArray<ToolCall> {
    return this.#calls
  }

  /** Returns the number of a new round. */
  nextRound(): number {
    return ++this.#round
  }

  /** Adds a call that starts. An id that is taken, empty or longer than 128 characters is replaced. */
  add(call: Omit<ToolCall, "outcome">): ToolCall {
    const taken = (id: string) => this.#calls.some((other) => other.id === id)
    let { id } = call
    while (id === "" || id.length > 128 || taken(id)) id = `call_${++this.#id}`
    const added: ToolCall = { ...call, id, outcome: undefined }
    this.#calls = [...this.#calls, added]
    return added
  }

  /** Sets the outcome of a call, and drops the oldest finished calls beyond the bounds. */
  finish(call: ToolCall, outcome: ToolOutcome): void {
    call.outcome = outcome
    const size = () => this.#calls.reduce((sum, each) => sum + sizeOf(each), 0)
    while (this.#calls.length > MAX_CALLS || size() > MAX_CHARACTERS) {
      const oldest = this.#calls.find((each) => each.outcome !== undefined && each !== call)
      if (oldest === undefined) return
      this.#calls = this.#calls.filter((each) => each !== oldest)
    }
  }

  /** Counts a hand-over of a turn; returns false after four. */
  countHandOver(turn: number): boolean {
    if (turn !== this.#handOverTurn) this.#handOvers = 0
    this.#handOverTurn = turn
    return ++this.#handOvers <= MAX_HAND_OVERS
  }

  /**
   * Returns the conversation as a prompt has it: what was heard from the item `from` on, and the calls of each turn after the
   * user's text.
   */
  toPrompt(
    { from = 0, history, transcript, turn }: {
      readonly history: ReadonlyArray<HistoryItem>
      readonly transcript: string
      readonly turn: number
      readonly from?: number | undefined
    }
  ): Conversation {
    const past: Array<
      { readonly from: number; readonly turn: number; readonly messages: Array<Prompt.MessageEncoded> }
    > = []
    const firstTurn = from === 0 ? 0 : history[from]?.turn ?? turn
    let rest = this.#calls.filter((call) => call.turn >= firstTurn)
    const turnOf = (number: number, at: number) => {
      const last = past.at(-1)
      if (last !== undefined && last.turn === number) return last.messages
      const messages: Array<Prompt.MessageEncoded> = []
      past.push({ from: at, turn: number, messages })
      return messages
    }
    const placeCalls = (at: number, before: (call: ToolCall) => boolean) => {
      for (const round of toRounds(rest.filter(before))) turnOf(round.turn, at).push(...round.messages)
      rest = rest.filter((call) => !before(call))
    }
    for (let at = from; at < history.length; at++) {
      const item = history[at]!
      placeCalls(at, (call) => call.turn < item.turn || (call.turn === item.turn && item.role === "agent"))
      const text = render(item)
      if (text === "") continue
      turnOf(item.turn, at).push({
        role: item.role === "user" ? "user" : "assistant",
        content: [{ type: "text", text }]
      })
    }
    placeCalls(history.length, (call) => call.turn < turn)
    // calls of this turn itself: it was answered before, and the user continued it
    return { past, question: transcript, rounds: toRounds(rest).map(({ messages }) => messages) }
  }
}
