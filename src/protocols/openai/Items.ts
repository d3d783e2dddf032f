/**
 * The items of a conversation, as a client of the OpenAI Realtime protocol sees them: in order, to be retrieved, inserted, cut and
 * deleted.
 *
 * The list is bounded, the oldest items leave it: the agent's own history, which our session keeps, is not touched by that.
 *
 * @since 0.1.0
 */
import type { ItemReference } from "../../session/SessionControl.ts"
import type { SpokenItem } from "./SpokenItem.ts"

/**
 * A part of a message.
 *
 * @category models
 * @since 0.1.0
 */
export type MessagePart =
  | { readonly type: "input_audio"; readonly transcript: string | null }
  | { readonly type: "output_audio"; readonly transcript: string }
  | { readonly type: "input_text" | "output_text"; readonly text: string }

type Status = "in_progress" | "completed" | "incomplete"

/**
 * An item, with the keys of the protocol.
 *
 * @category models
 * @since 0.1.0
 */
export type RealtimeItem =
  | {
    readonly id: string
    readonly object: "realtime.item"
    readonly type: "message"
    readonly status: Status
    readonly role: "user" | "assistant" | "system"
    readonly content: ReadonlyArray<MessagePart>
  }
  | {
    readonly id: string
    readonly object: "realtime.item"
    readonly type: "function_call"
    readonly status: Status
    readonly call_id: string
    readonly name: string
    readonly arguments: string
  }
  | {
    readonly id: string
    readonly object: "realtime.item"
    readonly type: "function_call_output"
    readonly status: Status
    readonly call_id: string
    readonly output: string
  }

/**
 * What an item is in our history; an item without one is the client's alone.
 *
 * @category models
 * @since 0.1.0
 */
export type InHistory = ItemReference | undefined

/**
 * @category models
 * @since 0.1.0
 */
export interface Entry {
  item: RealtimeItem
  reference: InHistory
  /** Of a message of the agent: how it was said. */
  readonly spoken: SpokenItem | undefined
}

/**
 * - `after`: behind which item; `root` for the front. Default: at the end.
 *
 * @category models
 * @since 0.1.0
 */
export interface AddOptions {
  readonly after?: string | undefined
  readonly spoken?: SpokenItem | undefined
}

/**
 * How many items are kept.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_ITEMS = 1_000

/**
 * How many characters of text they have together.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_CHARACTERS = 1_000_000

/** What an item takes beside its text. */
const ITEM_CHARACTERS = 256

const partText = (part: MessagePart): string => "text" in part ? part.text : part.transcript ?? ""

/**
 * The words of an item.
 *
 * @category accessors
 * @since 0.1.0
 */
export const textOf = (item: RealtimeItem): string => {
  switch (item.type) {
    case "message":
      return item.content.map(partText).join("")
    case "function_call":
      return item.arguments
    case "function_call_output":
      return item.output
  }
}

const sizeOf = (item: RealtimeItem): number => ITEM_CHARACTERS + textOf(item).length

/**
 * @category models
 * @since 0.1.0
 */
export class Items {
  readonly #entries: Array<Entry> = []
  #characters = 0

  get size(): number {
    return this.#entries.length
  }

  /** The id of the last item; `null` where there is none. */
  get lastId(): string | null {
    return this.#entries.at(-1)?.item.id ?? null
  }

  get(id: string): Entry | undefined {
    return this.#entries.findLast((entry) => entry.item.id === id)
  }

  /** The item of what the user or the agent said in a turn; the last one. */
  ofTurn(turn: number, role: "user" | "agent"): Entry | undefined {
    return this.#entries.findLast(({ reference }) => isOfTurn(reference, turn, role))
  }

  /** All items of what the agent said in a turn, in order. */
  ofAgent(turn: number): ReadonlyArray<Entry> {
    return this.#entries.filter(({ reference }) => isOfTurn(reference, turn, "agent"))
  }

  /** Whether a tool was called by this id. */
  hasCall(callId: string): boolean {
    return this.#entries.some(({ item }) => item.type === "function_call" && item.call_id === callId)
  }

  /** The id of the item before this one; `null` for the first. */
  before(id: string): string | null {
    const at = this.#entries.findLastIndex((entry) => entry.item.id === id)
    return this.#entries[at - 1]?.item.id ?? null
  }

  /** What an item that is put behind this one follows in our history, the nearest first; the last is its beginning. */
  anchors(id: string): ReadonlyArray<ItemReference | "start"> {
    const at = id === "root" ? -1 : this.#entries.findLastIndex((entry) => entry.item.id === id)
    const before = this.#entries.slice(0, at + 1).reverse()
    return [...before.flatMap(({ reference }) => reference === undefined ? [] : [reference]), "start"]
  }

  /** Adds an item behind another, at the front (`root`), or at the end. */
  add(item: RealtimeItem, reference: InHistory, { after, spoken }: AddOptions = {}): Entry {
    const entry: Entry = { item, reference, spoken }
    const at = after === undefined
      ? this.#entries.length
      : after === "root"
      ? 0
      : this.#entries.findLastIndex((other) => other.item.id === after) + 1
    this.#entries.splice(at, 0, entry)
    this.#characters += sizeOf(item)
    this.#forget(entry)
    return entry
  }

  /** An item is this one of our history. */
  relate(entry: Entry, reference: InHistory): Entry {
    entry.reference = reference
    return entry
  }

  /** Puts another state of an item in its place. */
  replace(entry: Entry, item: RealtimeItem): void {
    if (this.get(entry.item.id) === entry) this.#characters += sizeOf(item) - sizeOf(entry.item)
    entry.item = item
  }

  remove(id: string): void {
    const at = this.#entries.findLastIndex((entry) => entry.item.id === id)
    const [removed] = at === -1 ? [] : this.#entries.splice(at, 1)
    if (removed !== undefined) this.#characters -= sizeOf(removed.item)
  }

  /** The oldest leave first; what is new or in progress stays. */
  #forget(added: Entry): void {
    while (this.#entries.length > MAX_ITEMS || this.#characters > MAX_CHARACTERS) {
      const at = this.#entries.findIndex((entry) => entry !== added && entry.item.status !== "in_progress")
      const [removed] = at === -1 ? [] : this.#entries.splice(at, 1)
      if (removed === undefined) return
      this.#characters -= sizeOf(removed.item)
    }
  }
}

const isOfTurn = (reference: InHistory, turn: number, role: "user" | "agent"): boolean =>
  reference !== undefined && "turn" in reference && reference.turn === turn && reference.role === role
