/**
 * A reply of the model in the making: its responses, their audio, what of its text waits for audio.
 *
 * @since 0.1.0
 */

/** A model that says more in one reply, or writes more than it says, has lost its way. */
const MAX_MS = 10 * 60_000
const MAX_TEXT = 65_536
const MAX_ITEMS = 256

/**
 * A reply that we have asked for: what is sent before the response is asked for, and how it differs from others.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ask {
  readonly id: string
  readonly kind: "commit" | "text" | "say"
  readonly before: ReadonlyArray<string>
  /** What the user typed. */
  readonly text?: string | undefined
  readonly response: { readonly [key: string]: unknown }
  /** The reply whose first connection was lost before it had said anything. */
  readonly reply?: S2sReply | undefined
}

/** An item of the model's memory, and the audio of it, in ms of the reply. */
interface SpokenItem {
  readonly id: string
  readonly contentIndex: number
  readonly fromMs: number
  ms: number
}

/**
 * @category models
 * @since 0.1.0
 */
export class S2sReply {
  readonly name: string
  readonly ask: Ask | undefined
  /** What the next response of it is asked for as. */
  askId: string | undefined
  /** The response in flight. */
  response: string | undefined
  readonly items: Array<SpokenItem> = []
  readonly calls = new Set<string>()
  /** It has called tools since its last response was asked for. */
  called = false
  started = false
  /** Nobody wants to hear more of it. */
  cut = false
  ms = 0
  #text = ""

  constructor(name: string, ask: Ask | undefined) {
    this.name = name
    this.ask = ask
    this.askId = ask?.id
  }

  /** Nobody listens to that much. */
  get endless(): boolean {
    return this.ms > MAX_MS
  }

  /** Takes text that is being said. */
  say(text: string): void {
    if (this.#text.length + text.length <= MAX_TEXT) this.#text += text
  }

  /** Takes audio, and gives the whole words that are said from here on. */
  hear(item: string, contentIndex: number, samples: number, sampleRate: number): string {
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

  /** The rest of the text, of which no audio came. */
  rest(): string {
    const text = this.#text.trim()
    this.#text = ""
    return text
  }
}
