/**
 * What to write into the file of a transcript, a JSON array, so that only the items that are new are written.
 *
 * New items are written over the closing bracket. Where items in the middle have changed, the file is written from there on;
 * a shorter one is filled up with spaces, which JSON allows at its end. Items that have left the history because it was too
 * long stay in the file.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { HistoryItem } from "../../conversation/History.ts"

const encodeItem = Schema.encodeSync(Schema.fromJsonString(HistoryItem))
const OPEN = "[\n"
const CLOSE = "\n]\n"
const SEPARATOR = ",\n"

/**
 * A change of the file: its whole content when `at` is absent, or else what is written from that position (in bytes) on.
 *
 * @category models
 * @since 0.1.0
 */
export interface TranscriptChange {
  readonly at?: number
  readonly text: string
  /** The file has it: later changes build upon it. */
  readonly done: () => void
  /** The file may have a part of it: it is written again from there on. */
  readonly failed: () => void
}

const decodeItem = Schema.decodeUnknownOption(Schema.fromJsonString(HistoryItem))

const isSame = (one: HistoryItem, other: HistoryItem | undefined): boolean =>
  one === other ||
  (other !== undefined && one.role === other.role && one.turn === other.turn && one.atMs === other.atMs &&
    one.kind === other.kind && one.text === other.text && one.interrupted === other.interrupted)

/**
 * @category models
 * @since 0.1.0
 */
export class TranscriptFile {
  /** The history that is in the file. */
  #items: ReadonlyArray<HistoryItem> = []
  /** Where each of these items begins, with the separator before it. */
  #starts: ReadonlyArray<number> = []
  /** Where the items end. */
  #end = 0
  /** The length of the file; 0 when it has to be written whole. */
  #length = 0

  /**
   * The file has this content, so that items that have left the history stay in it. What does not read as an item is written
   * over. Without any item, the file is written whole the next time.
   */
  startWith(content: string | undefined): void {
    const items: Array<HistoryItem> = []
    const starts: Array<number> = []
    let end = OPEN.length
    if (content?.startsWith(OPEN) === true) {
      for (const line of content.slice(OPEN.length).split("\n")) {
        const json = line.endsWith(",") ? line.slice(0, -1) : line
        const item = Option.getOrUndefined(decodeItem(json))
        if (item === undefined) break
        items.push(item)
        starts.push(end)
        end += (items.length === 1 ? 0 : SEPARATOR.length) + Buffer.byteLength(json)
      }
    }
    this.#take(items, starts, end, items.length === 0 ? 0 : Buffer.byteLength(content ?? ""))
  }

  /** What has to be written for this history; `undefined` when the file has it. */
  change(history: ReadonlyArray<HistoryItem>): TranscriptChange | undefined {
    if (history === this.#items || (history.length === 0 && this.#length === 0)) return undefined
    const left = this.#leftItems(history)
    const items = this.#items.slice(left)
    const starts = this.#starts.slice(left)
    let same = 0
    while (same < history.length && isSame(history[same]!, items[same])) same++
    const isWhole = this.#length === 0
    const from = isWhole ? OPEN.length : starts[same] ?? this.#end
    if (!isWhole && same === history.length && same === items.length) {
      this.#take(history, starts, this.#end, this.#length)
      return undefined
    }
    const nextStarts = starts.slice(0, same)
    let text = ""
    let end = from
    for (const item of history.slice(same)) {
      nextStarts.push(end)
      const part = `${end === OPEN.length ? "" : SEPARATOR}${encodeItem(item)}`
      text += part
      end += Buffer.byteLength(part)
    }
    text += CLOSE
    const length = Math.max(this.#length, end + CLOSE.length)
    text += " ".repeat(length - end - CLOSE.length)
    const done = () => this.#take(history, nextStarts, end, length)
    const before = isWhole ? [] : items.slice(0, same)
    const failed = () => this.#take(before, starts.slice(0, same), from, isWhole ? 0 : length)
    return isWhole ? { text: OPEN + text, done, failed } : { at: from, text, done, failed }
  }

  #take(items: ReadonlyArray<HistoryItem>, starts: ReadonlyArray<number>, end: number, length: number): void {
    this.#items = items
    this.#starts = starts
    this.#end = end
    this.#length = length
  }

  /** How many of the oldest items have left the history: it begins with a later one now, and has no other that is new. */
  #leftItems(history: ReadonlyArray<HistoryItem>): number {
    const [oldest] = history
    if (oldest === undefined) return 0
    const at = this.#items.findIndex((item) => isSame(oldest, item))
    // all that are in the file have left
    return at === -1 && oldest.omittedBefore !== undefined ? this.#items.length : Math.max(0, at)
  }
}
