/**
 * Carries out what a client of the OpenAI Realtime protocol asks of the items of its conversation: to add, retrieve, cut and delete
 * them.
 *
 * @since 0.1.0
 */
import type { InvalidConfig } from "../../BackendError.ts"
import type * as ClientEvents from "./ClientEvents.ts"
import { invalid, invalidValue, type OpenAiFault, quote } from "./Errors.ts"
import type { Items, RealtimeItem } from "./Items.ts"
import type { RealtimeSession } from "./RealtimeSession.ts"
import type { RealtimeTurns } from "./RealtimeTurns.ts"
import type { Responses } from "./Responses.ts"
import type { Emit } from "./ServerEvents.ts"
import type { Control, ToldSettings } from "./ToldSettings.ts"
import type { ToolOutputs } from "./ToolOutputs.ts"

type Of<Type extends ClientEvents.ClientEvent["type"]> = Extract<ClientEvents.ClientEvent, { readonly type: Type }>

/**
 * @category models
 * @since 0.1.0
 */
export interface ItemRequestsOptions {
  readonly emit: Emit
  readonly newId: (prefix: string) => string
  readonly items: Items
  readonly responses: Pick<Responses, "activeId">
  readonly turns: RealtimeTurns
  readonly session: () => RealtimeSession
  readonly told: ToldSettings
  readonly outputs: ToolOutputs
}

/**
 * @category models
 * @since 0.1.0
 */
export class ItemRequests {
  readonly #options: ItemRequestsOptions

  constructor(options: ItemRequestsOptions) {
    this.#options = options
  }

  /** Adds an item of the client. */
  create({ item, previousItemId }: Of<"conversation.item.create">, control: Control): OpenAiFault | undefined {
    const { items, newId } = this.#options
    const id = item.id ?? newId("item")
    if (items.get(id) !== undefined) {
      return invalid("item_create_duplicate_item_id", `Error creating item: ${quote(id)} exists already.`, "item.id")
    }
    if (previousItemId !== undefined && previousItemId !== "root" && items.get(previousItemId) === undefined) {
      return invalid(
        "item_create_invalid_previous_item_id",
        `Error creating item: the previous item ${quote(previousItemId)} does not exist.`,
        "previous_item_id"
      )
    }
    if (item.type === "function_call_output") return this.#takeOutput(item, id, previousItemId, control)
    const { isComplete, role, text } = item
    const whole: RealtimeItem = {
      id,
      object: "realtime.item",
      type: "message",
      status: isComplete ? "completed" : "incomplete",
      role,
      content: [{ type: role === "assistant" ? "output_text" : "input_text", text }]
    }
    if (role === "system") return this.#addSystem(whole, text, previousItemId, control)
    if (text.trim() === "") {
      this.#put(whole, false, previousItemId)
      return undefined
    }
    const insert = { _tag: "Insert", id, role: role === "user" ? "user" : "agent", text } as const
    // what our history does not have, as an answer in progress, cannot be followed in it
    const places = previousItemId === undefined || previousItemId === items.lastId
      ? [undefined]
      : items.anchors(previousItemId)
    for (const after of places) {
      const refused = control({ ...insert, after })
      if (refused === undefined) {
        this.#put(whole, true, previousItemId)
        return undefined
      }
      if (!isNoItem(refused) || after === "start") return invalid("invalid_value", refused.message)
    }
    return undefined
  }

  #addSystem(
    item: RealtimeItem,
    text: string,
    previousItemId: string | undefined,
    control: Control
  ): OpenAiFault | undefined {
    const fault = this.#options.told.addSystem(item.id, text, this.#options.session(), control)
    if (fault !== undefined) return fault
    this.#put(item, false, previousItemId)
    return undefined
  }

  #takeOutput(
    { callId, output }: Extract<ClientEvents.NewItem, { readonly type: "function_call_output" }>,
    id: string,
    previousItemId: string | undefined,
    control: Control
  ): OpenAiFault | undefined {
    const { items, responses } = this.#options
    if (!items.hasCall(callId)) {
      return invalid(
        "invalid_tool_call_id",
        `Tool call ID ${quote(callId)} not found in conversation.`,
        "item.call_id"
      )
    }
    this.#put(
      { id, object: "realtime.item", type: "function_call_output", status: "completed", call_id: callId, output },
      false,
      previousItemId
    )
    this.#options.outputs.take(callId, output, responses.activeId !== undefined, control)
    return undefined
  }

  #put(item: RealtimeItem, isInHistory: boolean, after: string | undefined): void {
    const { emit, items } = this.#options
    items.add(item, isInHistory ? { id: item.id } : undefined, after === undefined ? {} : { after })
    const previous_item_id = items.before(item.id)
    emit("conversation.item.added", { previous_item_id, item })
    emit("conversation.item.done", { previous_item_id, item })
  }

  /** Tells the client an item as it is now. */
  retrieve(itemId: string): OpenAiFault | undefined {
    const entry = this.#options.items.get(itemId)
    if (entry === undefined) return noItem("item_retrieve_invalid_item_id", itemId)
    this.#options.emit("conversation.item.retrieved", { item: entry.item })
    return undefined
  }

  /** The user has heard so much of an item of the agent. */
  truncate(
    { audioEndMs, contentIndex, itemId }: Of<"conversation.item.truncate">,
    control: Control
  ): OpenAiFault | undefined {
    const { items, turns } = this.#options
    const entry = items.get(itemId)
    if (entry === undefined) return noItem("item_truncate_invalid_item_id", itemId)
    const { spoken } = entry
    if (spoken === undefined || entry.item.type !== "message") {
      return invalid("invalid_value", "Only the audio of assistant messages can be truncated.", "item_id")
    }
    if (contentIndex !== 0) return invalidValue("content_index", "the item has one part, 0")
    // a client may count what it has not got yet
    const ms = spoken.audioMs === 0 ? audioEndMs : Math.min(audioEndMs, spoken.audioMs)
    const isLast = items.ofTurn(spoken.turn, "agent") === entry
    const { cuts } = turns
    if (isLast) {
      const playedMs = Math.round(spoken.offsetMs + ms)
      const refused = control({ _tag: "Truncate", turn: spoken.turn, playedMs })
      if (refused !== undefined && !isNoItem(refused)) return invalid("invalid_value", refused.message)
    }
    turns.truncated({ entry, contentIndex, audioEndMs }, turns.cuts > cuts)
    return undefined
  }

  /** Takes an item out of the conversation. */
  delete(itemId: string, control: Control): OpenAiFault | undefined {
    const { emit, items, session } = this.#options
    const entry = items.get(itemId)
    if (entry === undefined) return noItem("item_delete_invalid_item_id", itemId)
    if (entry.item.status === "in_progress") {
      return invalid("invalid_value", "An item in progress cannot be deleted.", "item_id")
    }
    const { reference } = entry
    const shared = reference !== undefined && "turn" in reference && reference.role === "agent" &&
      items.ofAgent(reference.turn).length > 1
    // the history has the agent's words of a turn as one
    if (reference !== undefined && !shared) {
      const refused = control({ _tag: "Remove", item: reference })
      // nothing of it was heard, or it has left the history
      if (refused !== undefined && !isNoItem(refused)) return invalid("invalid_value", refused.message)
    }
    items.remove(itemId)
    this.#options.told.removeSystem(itemId, session(), control)
    emit("conversation.item.deleted", { item_id: itemId })
    return undefined
  }
}

/** Whether our session refuses something because its history has no such item. */
const isNoItem = (refused: InvalidConfig): boolean => refused.details?.["reason"] === "item_not_found"

const noItem = (code: string, itemId: string): OpenAiFault =>
  invalid(code, `The item with id ${quote(itemId)} does not exist.`, "item_id")
