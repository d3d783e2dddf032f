/**
 * The tool calls of a session: what its agents asked for, in which turn, and what came of it.
 *
 * What the user heard is in the session's history; this is what nobody hears. Bounded: the oldest finished calls go first.
 *
 * @since 0.1.0
 */
import type * as Prompt from "effect/ai/Prompt"
import { type HistoryItem, render } from "../conversation/History.ts"

/** Calls of a session that are remembered. */
const MAX_CALLS = 64
/** Characters of their inputs and outputs, in all. */
const MAX_CHARACTERS = 262_144
/** Agents to which one turn may be handed on. */
const MAX_HAND_OVERS = 4

/**
 * What came of a call; `output` is JSON.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolOutcome {
  readonly ok: boolean
  readonly output: unknown
}

/**
 * One call of a tool.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolCall {
  /** Unlike that of any other call that is remembered. */
  readonly id: string
  readonly name: string
  readonly params: unknown
  readonly turn: number
  /** Calls that the model made at once have the same round. */
  readonly round: number
  outcome: ToolOutcome | undefined
}

/** The same for equal values, whatever the order of their keys. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1))
      : part) ?? "null"

const sizeOf = ({ outcome, params }: ToolCall): number =>
  (JSON.stringify(params) ?? "").length + (outcome === undefined ? 0 : (JSON.stringify(outcome.output) ?? "").length)

/**
 * The key under which the same call is known.
 *
 * @category accessors
 * @since 0.1.0
 */
export const callKey = ({ name, params }: Pick<ToolCall, "name" | "params">): string => `${name}\n${canonical(params)}`

/** A call that goes on, as the model is told of it. */
const PENDING = { status: "running", note: "it goes on; its result follows, do not call it again" }

/**
 * The messages of calls and their results, each round as one message of the assistant's and one of the tools'.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toMessages = (calls: ReadonlyArray<ToolCall>, text = ""): ReadonlyArray<Prompt.MessageEncoded> => {
  const rounds = new Map<number, Array<ToolCall>>()
  for (const call of calls) rounds.set(call.round, [...rounds.get(call.round) ?? [], call])
  return Array.from(rounds.values()).flatMap((round): Array<Prompt.MessageEncoded> => [
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
  ])
}

/**
 * The calls of one session.
 *
 * @category models
 * @since 0.1.0
 */
export class ToolHistory {
  #calls: ReadonlyArray<ToolCall> = []
  #round = 0
  #id = 0
  #handedIn = -1
  #handOvers = 0

  get calls(): ReadonlyArray<ToolCall> {
    return this.#calls
  }

  /** A number that no round before had. */
  nextRound(): number {
    return ++this.#round
  }

  /** Remembers a call that begins. An id that is taken, empty or too long is replaced. */
  add(call: Omit<ToolCall, "outcome">): ToolCall {
    const taken = (id: string) => this.#calls.some((other) => other.id === id)
    let { id } = call
    while (id === "" || id.length > 128 || taken(id)) id = `call_${++this.#id}`
    const begun: ToolCall = { ...call, id, outcome: undefined }
    this.#calls = [...this.#calls, begun]
    return begun
  }

  finish(call: ToolCall, outcome: ToolOutcome): void {
    call.outcome = outcome
    const size = () => this.#calls.reduce((sum, each) => sum + sizeOf(each), 0)
    while (this.#calls.length > MAX_CALLS || size() > MAX_CHARACTERS) {
      const oldest = this.#calls.find((each) => each.outcome !== undefined && each !== call)
      if (oldest === undefined) return
      this.#calls = this.#calls.filter((each) => each !== oldest)
    }
  }

  /** Counts a hand-over in a turn; `false` when there have been too many. */
  countHandOver(turn: number): boolean {
    if (turn !== this.#handedIn) this.#handOvers = 0
    this.#handedIn = turn
    return ++this.#handOvers <= MAX_HAND_OVERS
  }

  /** The conversation as a model is to know it: what was heard, with the calls of each turn behind the user's words. */
  toPrompt(
    { history, transcript, turn }: {
      readonly history: ReadonlyArray<HistoryItem>
      readonly transcript: string
      readonly turn: number
    }
  ): ReadonlyArray<Prompt.MessageEncoded> {
    const prompt: Array<Prompt.MessageEncoded> = []
    let rest = this.#calls
    const place = (before: (call: ToolCall) => boolean) => {
      prompt.push(...toMessages(rest.filter(before)))
      rest = rest.filter((call) => !before(call))
    }
    for (const item of history) {
      place((call) => call.turn < item.turn || (call.turn === item.turn && item.role === "agent"))
      const text = render(item)
      if (text === "") continue
      prompt.push({
        role: item.role === "user" ? "user" : "assistant",
        content: [{ type: "text", text }]
      })
    }
    place((call) => call.turn < turn)
    prompt.push({ role: "user", content: [{ type: "text", text: transcript }] })
    // of this turn, when it was answered before and the user went on
    place(() => true)
    return prompt
  }
}
