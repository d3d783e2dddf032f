/**
 * A reply of a speech-to-speech model: what was asked for, its responses, their audio, and the text whose audio has not
 * arrived.
 *
 * @since 0.1.0
 */

/** The longest text of one reply, in characters; the rest is dropped. */
const MAX_TEXT = 65_536
const MAX_ITEMS = 256
/** Tool calls of one response; more than are run. */
const MAX_TOLD = 512
/**
 * How long text takes to speak, in ms a character: where in the reply a written piece stands.
 *
 * @category constants
 * @since 0.1.0
 */
export const MS_PER_CHARACTER = 60

/**
 * A request of the session: an answer to what the user said (`commit`) or typed (`text`), or a text to speak (`say`).
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelRequest {
  readonly id: string
  readonly kind: "commit" | "text" | "say"
  readonly text: string
}

/** An item of the model's conversation, and the range of its audio within the reply, in ms. */
interface SpokenItem {
  readonly id: string
  readonly contentIndex: number
  readonly fromMs: number
  ms: number
}

/**
 * The state of one reply. It may take several responses of the model: the rest after tool calls, and another one when a
 * response was silent.
 *
 * @category models
 * @since 0.1.0
 */
export class ModelReply {
  readonly name: string
  /** The order in which replies are asked for. */
  readonly order: number
  /** `undefined`: the model began it by itself. */
  readonly request: ModelRequest | undefined
  started = false
  /** Whether it has ended, failed, or was truncated or cancelled: nothing more of it is emitted. */
  over = false
  /** What to ask for next: the whole reply, another response instead of a silent one, or the rest after tool calls. */
  next: "first" | "again" | "rest" = "first"
  /** Whether the current connection has the message that is to be answered. */
  sent = false
  /** How often it was asked for again because nothing came. */
  repeats = 0
  /** Whether it was asked for again because a response was silent. */
  askedAgain = false
  /** When something of it was last known to have come, in ms. */
  at = 0
  /** Whether something of it has come since; a reading of the clock for each piece of audio would cost more. */
  heard = false
  /** The name of its response in progress. */
  response: string | undefined
  /** Whether the response in progress has had audio, or text that is spoken. */
  audible = false
  /** Whether the response in progress has called tools. */
  callsTools = false
  /** Whether the audio of the response in progress is complete. */
  audioDone = false
  /** The text in place of audio of the response in progress, by item. */
  readonly written = new Map<string, string>()
  /** The items that the last response has made. */
  readonly made = new Set<string>()
  /** The tool calls that the last response has told, with all that they say: servers repeat calls, and ids. */
  readonly toldCalls = new Set<string>()
  /** Whether the words of the last response come in pieces; and those that came whole, which are told more than once. */
  hasTextPieces = false
  readonly wholeTexts = new Set<string>()
  /** How many tools it has called. */
  callCount = 0
  /** Tool calls without a result. */
  readonly calls = new Set<string>()
  readonly items: Array<SpokenItem> = []
  /** Whether anything of it has reached the session: audio, text, or a tool call. */
  produced = false
  /** What was wrong with the last audio that could not be read. */
  fault: string | undefined
  ms = 0
  /** The text whose audio has not arrived. */
  #text = ""
  #characters = 0

  constructor(name: string, order: number, request: ModelRequest | undefined) {
    this.name = name
    this.order = order
    this.request = request
  }

  /** A response begins. */
  begin(response: string): void {
    // the words of a response that was silent or lost are not those of this one
    if (!this.audible) this.#text = ""
    this.response = response
    this.audible = false
    this.callsTools = false
    this.audioDone = false
    this.hasTextPieces = false
    this.wholeTexts.clear()
    this.written.clear()
    this.made.clear()
    this.toldCalls.clear()
  }

  /** Whether the response in progress has not told this call before. */
  isNewCall(id: string, name: string, input: unknown): boolean {
    const call = JSON.stringify([id, name, input])
    if (this.toldCalls.has(call) || this.toldCalls.size >= MAX_TOLD) return false
    this.toldCalls.add(call)
    return true
  }

  /** Whether the words of an item, told as a whole, are new. */
  isNewText(text: string): boolean {
    if (this.hasTextPieces || this.wholeTexts.has(text)) return false
    if (this.wholeTexts.size < MAX_ITEMS) this.wholeTexts.add(text)
    return true
  }

  /** The response in progress makes an item. */
  madeItem(item: string): void {
    if (this.made.size < MAX_ITEMS) this.made.add(item)
  }

  /** Appends text that is spoken in the audio. */
  addText(text: string): void {
    if (this.#text.length + text.length <= MAX_TEXT) this.#text += text
  }

  /** Appends text that was written in place of audio; returns its position in ms, or `undefined` past the limit. */
  addWritten(text: string): number | undefined {
    if (this.#characters + text.length > MAX_TEXT) return undefined
    const at = this.ms + this.#characters * MS_PER_CHARACTER
    this.#characters += text.length
    return at
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
