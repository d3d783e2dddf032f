/**
 * What a program, or a client whose protocol has it, may ask of the conversation beside speaking: to end a turn, to answer, to change
 * the history, to set what the agent is told and may call.
 *
 * All of them take effect before the call returns.
 *
 * @since 0.1.0
 */
import type { ClientSettings } from "../agent/tools/ClientTools.ts"
import type { ItemReference } from "../conversation/History.ts"

export type { ClientSettings, ClientTool, ClientToolCall } from "../agent/tools/ClientTools.ts"
export type { ItemReference } from "../conversation/History.ts"

/**
 * What of the policy a client may change; what is absent stays.
 *
 * - `turns`: `manual`: the user's turn ends by `EndTurn` alone, as with push to talk. Default: `automatic`.
 * - `answers`: `on_request`: a turn that has ended is answered by `Respond` alone. Default: `automatic`.
 * - `silenceMs`, `maxSilenceMs`: `endpointing.silence` and `endpointing.maxSilence`, in ms.
 * - `interruptions`: `interruption.enabled`.
 * - `awayAfterMs`: `away.after`, in ms; 0 for never.
 *
 * @category models
 * @since 0.1.0
 */
export interface PolicyChange {
  readonly turns?: "automatic" | "manual" | undefined
  readonly answers?: "automatic" | "on_request" | undefined
  readonly silenceMs?: number | undefined
  readonly maxSilenceMs?: number | undefined
  readonly interruptions?: boolean | undefined
  readonly awayAfterMs?: number | undefined
}

/**
 * - `EndTurn`: the user's turn is over, whatever is heard; what was said until now belongs to it.
 * - `DropTurn`: what was said in the open turn is forgotten.
 * - `Respond`: the agent answers the conversation as it is, also where the last turn has its answer. `instructions` hold for this
 *   answer, instead of those of the client. Refused while the agent answers.
 * - `Interrupt`: the answer in progress ends, whatever the policy says about interruptions.
 * - `Insert`: adds an item to the history, which is not answered; `after`: where. Default: at the end.
 * - `Remove`: takes an item out of the history.
 * - `Truncate`: of what the agent said last in a turn, the user has heard so much, in ms: the history holds no more than that, to
 *   one word.
 * - `Policy`: changes the policy from now on.
 * - `Output`: whether the agent's answers are spoken, or sent as text alone; from the next answer on.
 * - `Client`: replaces what the client tells the agent, from the next answer on.
 * - `ToolResult`: the output of a call of the client's tool.
 *
 * @category models
 * @since 0.1.0
 */
export type SessionControl =
  | { readonly _tag: "EndTurn" }
  | { readonly _tag: "DropTurn" }
  | { readonly _tag: "Respond"; readonly instructions?: string | undefined }
  | { readonly _tag: "Interrupt" }
  | {
    readonly _tag: "Insert"
    readonly id: string
    readonly role: "user" | "agent"
    readonly text: string
    readonly after?: ItemReference | "start" | undefined
  }
  | { readonly _tag: "Remove"; readonly item: ItemReference }
  | { readonly _tag: "Truncate"; readonly turn: number; readonly playedMs: number }
  | { readonly _tag: "Policy"; readonly change: PolicyChange }
  | { readonly _tag: "Output"; readonly output: "audio" | "text" }
  | { readonly _tag: "Client"; readonly settings: ClientSettings }
  | { readonly _tag: "ToolResult"; readonly id: string; readonly output: string }
