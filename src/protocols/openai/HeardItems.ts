/**
 * What of the agent's messages was heard: the client's items get the words that the history has.
 *
 * An item that the client cuts while its reply goes on is confirmed when the reply has ended, because what was heard is known then.
 *
 * @since 0.1.0
 */
import type { Entry, Items } from "./Items.ts"
import type { Emit } from "./ServerEvents.ts"
import { shares, type SpokenItem } from "./SpokenItem.ts"

/**
 * What the client has cut.
 *
 * @category models
 * @since 0.1.0
 */
export interface Truncation {
  readonly entry: Entry
  readonly contentIndex: number
  readonly audioEndMs: number
}

/**
 * @category models
 * @since 0.1.0
 */
export class HeardItems {
  readonly #items: Items
  readonly #emit: Emit
  #awaiting: ReadonlyArray<Truncation> = []

  constructor({ emit, items }: { readonly emit: Emit; readonly items: Items }) {
    this.#emit = emit
    this.#items = items
  }

  /** What each message of a turn has of the words that were heard. */
  shares(turn: number, text: string): ReadonlyMap<SpokenItem, string> {
    const said = this.#items.ofAgent(turn).flatMap(({ spoken }) => spoken === undefined ? [] : [spoken])
    const heard = shares(said, text)
    return new Map(said.map((spoken, i) => [spoken, heard[i] ?? ""]))
  }

  /** Of what the agent said in a turn, no more than this was heard. */
  set(turn: number, text: string): void {
    const heard = this.shares(turn, text)
    for (const entry of this.#items.ofAgent(turn)) {
      const words = entry.spoken === undefined ? undefined : heard.get(entry.spoken)
      if (words !== undefined) this.rewrite(entry, words)
    }
  }

  /** Puts the words that were heard into an item. */
  rewrite(entry: Entry, heard: string): void {
    const { item, spoken } = entry
    if (item.type !== "message" || spoken === undefined) return
    spoken.cut(heard)
    const [part] = item.content
    if (part === undefined) return
    this.#items.replace(entry, {
      ...item,
      content: [part.type === "output_audio" ? { ...part, transcript: heard } : { type: "output_text", text: heard }]
    })
  }

  /** Confirms a cut when the reply has ended. */
  await(truncation: Truncation): void {
    this.#awaiting = [...this.#awaiting.filter(({ entry }) => entry !== truncation.entry), truncation]
  }

  /** The reply goes on: its items are cut as the client did. Returns the words that are to be said again, if any item was cut. */
  goOn(): string | undefined {
    let carried: string | undefined
    for (const { audioEndMs, entry } of this.#awaiting) {
      if (entry.spoken === undefined) continue
      const heard = entry.spoken.heardIn(audioEndMs)
      carried = entry.spoken.cut(heard)
      this.rewrite(entry, heard)
    }
    this.confirmAll()
    return carried
  }

  /** The reply has ended: confirms the cuts that wait for it. */
  confirmAll(): void {
    const truncations = this.#awaiting
    this.#awaiting = []
    for (const truncation of truncations) this.confirm(truncation)
  }

  /** Confirms a cut to the client. */
  confirm({ audioEndMs, contentIndex, entry }: Truncation): void {
    this.#emit("conversation.item.truncated", {
      item_id: entry.item.id,
      content_index: contentIndex,
      audio_end_ms: audioEndMs
    })
  }
}
