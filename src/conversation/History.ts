/**
 * The history of a conversation, as it was heard.
 *
 * The user's text is the transcript of a turn. The agent's text is what was played, exact to one word, and is marked as
 * interrupted when the user cut it off. Items are in the order in which they happened.
 *
 * A history is bounded in bytes, as what is stored and sent is: a text that is too long is cut, with a mark, and of a history
 * that is too long the oldest items leave, which the oldest that stays tells.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as JsonBytes from "../schema/JsonBytes.ts"

/**
 * One utterance.
 *
 * - `turn`: the turn it belongs to, from 1.
 * - `kind`: `speech`; `text` when the user typed; `audio` for audio without text (`sendAudio`).
 * - `interrupted`: the agent was cut off; `text` is what was played until then.
 * - `atMs`: Unix time in ms at which the user's turn ended, or the agent's first audio was sent.
 * - `id`: of an item that was added (`VoiceSession.control`), and not said in a turn; its `turn` is that before it.
 * - `omittedBefore`: how many earlier items have left the history, which was too long. Only the oldest item has it.
 *
 * @category models
 * @since 0.1.0
 */
export const HistoryItem = Schema.Struct({
  role: Schema.Literals(["user", "agent"]),
  turn: Schema.Natural,
  kind: Schema.Literals(["speech", "text", "audio"]),
  text: Schema.String,
  interrupted: Schema.Boolean,
  atMs: Schema.Finite,
  id: Schema.optionalKey(Schema.String),
  omittedBefore: Schema.optionalKey(Schema.Natural)
}).pipe(Schema.encodeKeys({ atMs: "at_ms", omittedBefore: "omitted_before" }))

/**
 * @category models
 * @since 0.1.0
 */
export type HistoryItem = typeof HistoryItem.Type

/**
 * An item of the history: one that was added, by its id; or what the user or the agent said in a turn, the last where there are
 * more.
 *
 * @category models
 * @since 0.1.0
 */
export type ItemReference =
  | { readonly id: string }
  | { readonly turn: number; readonly role: "user" | "agent" }

/**
 * The index of an item; -1 where there is none.
 *
 * @category accessors
 * @since 0.1.0
 */
export const indexOf = (history: ReadonlyArray<HistoryItem>, reference: ItemReference): number =>
  history.findLastIndex((item) =>
    "id" in reference
      ? item.id === reference.id
      : item.id === undefined && item.turn === reference.turn && item.role === reference.role
  )

/**
 * Renders an item for a prompt. An interrupted answer ends in an ellipsis, so the model sees that it was cut off.
 *
 * @category conversions
 * @since 0.1.0
 */
export const render = (item: HistoryItem): string => item.interrupted ? `${item.text} …` : item.text

/**
 * The longest text of one item, in bytes of JSON: 48 KiB, which is 16,384 characters of any script.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_TEXT_BYTES = 49_152

/**
 * The longest history, in bytes of JSON: 1 MiB.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_BYTES = 1_048_576

/** A text that was cut is longer than this, in UTF-16 code units, of which each takes 6 bytes at most. */
const MIN_CUT = MAX_TEXT_BYTES / 6 - 8

/** A history that is too long is cut to so much: each cut moves all items, and is stored anew. */
const KEPT_BYTES = MAX_BYTES * 3 / 4

/** What an item takes besides its text, in bytes of JSON. */
const ITEM_BYTES = 128

const sizes = new WeakMap<HistoryItem, number>()
const totals = new WeakMap<ReadonlyArray<HistoryItem>, number>()

const sizeOf = (item: HistoryItem): number => {
  const known = sizes.get(item)
  if (known !== undefined) return known
  const size = JsonBytes.lengthOf(item.text) + ITEM_BYTES
  sizes.set(item, size)
  return size
}

const totalOf = (history: ReadonlyArray<HistoryItem>): number => {
  const known = totals.get(history)
  if (known !== undefined) return known
  let total = 0
  for (const item of history) total += sizeOf(item)
  totals.set(history, total)
  return total
}

/**
 * Cuts the text of an item that is too long, and marks it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const cutText = (text: string): string => JsonBytes.cut(text, MAX_TEXT_BYTES)

/**
 * Whether a text was cut. A short text that ends as one is none.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isCut = (text: string): boolean => text.length > MIN_CUT && text.endsWith(JsonBytes.CUT_MARK)

/**
 * A history of at most `MAX_BYTES`: of a longer one the oldest items leave, a quarter of it at once, and the oldest that stays
 * tells how many have left.
 *
 * @category combinators
 * @since 0.1.0
 */
export const limit = (history: ReadonlyArray<HistoryItem>): ReadonlyArray<HistoryItem> => {
  let bytes = totalOf(history)
  if (bytes <= MAX_BYTES) return history
  let from = 0
  for (; from < history.length - 1 && bytes > KEPT_BYTES; from++) bytes -= sizeOf(history[from]!)
  const [oldest, ...others] = history.slice(from)
  if (oldest === undefined) return history
  const omittedBefore = history.slice(0, from + 1).reduce((sum, item) => sum + (item.omittedBefore ?? 0), from)
  const kept = [{ ...oldest, omittedBefore }, ...others]
  totals.set(kept, bytes)
  return kept
}

/**
 * Puts an item in front of that with this index, and limits the history. Only the item is measured, if the history was limited
 * before.
 *
 * @category combinators
 * @since 0.1.0
 */
export const insert = (
  history: ReadonlyArray<HistoryItem>,
  index: number,
  item: HistoryItem
): ReadonlyArray<HistoryItem> => {
  const longer = history.toSpliced(index, 0, item)
  totals.set(longer, totalOf(history) + sizeOf(item))
  return limit(longer)
}

/** The item that was the oldest may have told how many have left: the one that is the oldest now tells it. */
const withOmitted = (
  history: ReadonlyArray<HistoryItem>,
  omittedBefore: number | undefined
): ReadonlyArray<HistoryItem> => {
  const [oldest, ...others] = history
  if (oldest === undefined || omittedBefore === undefined || oldest.omittedBefore === omittedBefore) return history
  const rest = others.map((item) => {
    if (item.omittedBefore === undefined) return item
    const { omittedBefore: _, ...without } = item
    return without
  })
  return [{ ...oldest, omittedBefore }, ...rest]
}

/**
 * Puts an item in front of that with this index, also of the oldest.
 *
 * @category combinators
 * @since 0.1.0
 */
export const insertAt = (
  history: ReadonlyArray<HistoryItem>,
  index: number,
  item: HistoryItem
): ReadonlyArray<HistoryItem> => limit(withOmitted(history.toSpliced(index, 0, item), history[0]?.omittedBefore))

/**
 * Takes the item with this index out.
 *
 * @category combinators
 * @since 0.1.0
 */
export const removeAt = (history: ReadonlyArray<HistoryItem>, index: number): ReadonlyArray<HistoryItem> =>
  withOmitted(history.toSpliced(index, 1), history[0]?.omittedBefore)
