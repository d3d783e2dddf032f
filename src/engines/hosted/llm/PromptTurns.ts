/**
 * A prompt as Anthropic and Google want it: the system's text by itself, then turns of the user and of the model, one after the
 * other, the user first and last, each call with its result in the next turn. Pure.
 *
 * @since 0.1.0
 */
import type * as Prompt from "effect/ai/Prompt"
import * as Result from "effect/Result"
import { isRecord, type JsonRecord } from "../../../schema/Json.ts"

/**
 * A part of a turn.
 *
 * @category models
 * @since 0.1.0
 */
export type TurnPart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "call"; readonly id: string; readonly name: string; readonly params: JsonRecord }
  | {
    readonly type: "result"
    readonly id: string
    readonly name: string
    readonly result: unknown
    readonly isFailure: boolean
  }

/**
 * @category models
 * @since 0.1.0
 */
export interface Turn {
  readonly role: "user" | "model"
  readonly parts: ReadonlyArray<TurnPart>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface PromptTurns {
  readonly system: string
  readonly turns: ReadonlyArray<Turn>
}

/** Where the model speaks first. */
const BEGINNING = "(the conversation begins)"
/** Where the model spoke last, and is asked once more. */
const GO_ON = "(go on)"

const partsOf = (content: ReadonlyArray<{ readonly type: string }>): ReadonlyArray<TurnPart> =>
  content.flatMap((part): ReadonlyArray<TurnPart> =>
    "text" in part && part.type === "text" && typeof part.text === "string" && part.text.trim() !== ""
      ? [{ type: "text", text: part.text }]
      : []
  )

const turnOf = (message: Exclude<Prompt.Message, Prompt.SystemMessage>): Turn => {
  switch (message.role) {
    case "user":
      return { role: "user", parts: partsOf(message.content) }
    case "assistant":
      return {
        role: "model",
        parts: [
          ...partsOf(message.content),
          ...message.content.flatMap((part): ReadonlyArray<TurnPart> =>
            part.type === "tool-call"
              ? [{ type: "call", id: part.id, name: part.name, params: isRecord(part.params) ? part.params : {} }]
              : []
          )
        ]
      }
    case "tool":
      return {
        role: "user",
        parts: message.content.flatMap((part): ReadonlyArray<TurnPart> =>
          part.type === "tool-result"
            ? [{ type: "result", id: part.id, name: part.name, result: part.result, isFailure: part.isFailure }]
            : []
        )
      }
  }
}

/** Turns of one role in a row are one. */
const merged = (turns: ReadonlyArray<Turn>): ReadonlyArray<Turn> => {
  const out: Array<{ readonly role: Turn["role"]; parts: ReadonlyArray<TurnPart> }> = []
  for (const { parts, role } of turns) {
    if (parts.length === 0) continue
    const last = out.at(-1)
    if (last?.role === role) last.parts = [...last.parts, ...parts]
    else out.push({ role, parts })
  }
  return out
}

type Call = Extract<TurnPart, { readonly type: "call" }>

const callsIn = (turn: Turn | undefined): ReadonlyArray<Call> =>
  turn?.parts.flatMap((part) => part.type === "call" ? [part] : []) ?? []

/** Results stand first in the turn after their calls, one for each; those without a call, of a shortened history, are left out. */
const withResults = (turns: ReadonlyArray<Turn>): ReadonlyArray<Turn> =>
  merged(turns.flatMap((turn, i): ReadonlyArray<Turn> => {
    if (turn.role === "model") {
      return callsIn(turn).length > 0 && turns[i + 1] === undefined
        ? [turn, { role: "user", parts: callsIn(turn).map(missing) }]
        : [turn]
    }
    const results = callsIn(turns[i - 1]).map((call) =>
      turn.parts.find((part) => part.type === "result" && part.id === call.id) ?? missing(call)
    )
    return [{ role: "user", parts: [...results, ...turn.parts.filter(({ type }) => type === "text")] }]
  }))

const missing = ({ id, name }: Call): TurnPart => ({
  type: "result",
  id,
  name,
  result: "there is no result",
  isFailure: true
})

const says = (text: string): Turn => ({ role: "user", parts: [{ type: "text", text }] })

/**
 * Converts a prompt. Fails with the part of it that is not supported.
 *
 * @category conversions
 * @since 0.1.0
 */
export const make = (
  prompt: Prompt.Prompt,
  instructions: string | undefined,
  vendor: string
): Result.Result<PromptTurns, string> => {
  const system: Array<string> = instructions === undefined ? [] : [instructions]
  const turns: Array<Turn> = []
  for (const message of prompt.content) {
    if (message.role === "system") {
      system.push(message.content)
      continue
    }
    if (message.role === "user" && message.content.some(({ type }) => type === "file")) {
      return Result.fail(`files in a prompt are not supported by ${vendor}`)
    }
    turns.push(turnOf(message))
  }
  const complete = withResults(merged(turns))
  return Result.succeed({
    system: system.filter((text) => text.trim() !== "").join("\n\n"),
    turns: [
      ...(complete[0]?.role === "user" ? [] : [says(BEGINNING)]),
      ...complete,
      ...(complete.at(-1)?.role === "model" ? [says(GO_ON)] : [])
    ]
  })
}

/**
 * The names of the tools that turns speak of.
 *
 * @category accessors
 * @since 0.1.0
 */
export const toolsIn = (turns: ReadonlyArray<Turn>): ReadonlyArray<string> => [
  ...new Set(turns.flatMap((turn) => callsIn(turn).map(({ name }) => name)))
]
