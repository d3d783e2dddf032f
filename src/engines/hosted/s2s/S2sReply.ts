/**
 * A reply of the model in progress: its responses, their audio, and the text whose audio has not arrived.
 *
 * @since 0.1.0
 */

// Limits of one reply: a model that exceeds them is out of control.
const MAX_MS = 10 * 60_000
const MAX_TEXT = 65_536
const MAX_ITEMS = 256

/**
 * A request for a reply: the messages that are sent before it, and its own options.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReplyRequest {
  readonly id: string
  readonly kind: "commit" | "text" | "say"
  readonly messages: ReadonlyArray<string>
  /** The user's text message, or the text to say. */
  readonly text?: string | undefined
  readonly response: { readonly [key: string]: unknown }
  /** The reply of an earlier request, whose connection was lost before any audio. */
  readonly reply?: S2sReply | undefined
}

/** An item of the model's conversation, and the range of its audio within the reply, in ms. */
interface SpokenItem {
  readonly id: string
  readonly contentIndex: number
  readonly fromMs: number
  ms: number
}

/**
 * The state of one reply.
 *
 * @category models
 * @since 0.1.0
 */
export class S2sReply {
  readonly name: string
  readonly request: ReplyRequest | undefined
  /** The id of the request for its next response. */
  requestId: string | undefined
  /** The id of the response in progress. */
  response: string | undefined
  readonly items: Array<SpokenItem> = []
  readonly calls = new Set<string>()
  /** Whether it has called tools since its last response was requested. */
  hasCalledTools = false
  started = false
  /** Whether it was truncated or has failed: the rest of it is dropped. */
  cancelled = false
  ms = 0
  #text = ""

  constructor(name: string, ask: ReplyRequest | undefined) {
    this.name = name
    this.request = ask
    this.requestId = ask?.id
  }

  /** Whether it is longer than 10 minutes. */
  get tooLong(): boolean {
    return this.ms > MAX_MS
  }

  /** Appends text of the reply. */
  addText(text: string): void {
    if (this.#text.length + text.length <= MAX_TEXT) this.#text += text
  }

  /** Appends audio; returns the complete words received so far, which are spoken from here on. */
  addAudio(item: string, contentIndex: number, samples: number, sampleRate: number): string {
    const ms = samples * 1_000 / sampleRate
    let spoken = this.items.at(-1)
    if (spoken === undefined || (spoken.id !== item && this.items.length < MAX_ITEMS)) {
      spoken = { id: item, contentIndex, fromMs: this.ms, ms: 0 }
      this.items.push(spoken)
    }
    spoken.ms += ms
    this.ms += ms
    const end = this.#text.search(/\s\S*$/u)
    const words = end < 0 ? "" : this.#text.slice(0, end)
    this.#text = end < 0 ? this.#text : this.#text.slice(end)
    return words.trim()
  }

  /** Takes the text whose audio has not arrived. */
  takeText(): string {
    const text = this.#text.trim()
    this.#text = ""
    return text
  }
}
