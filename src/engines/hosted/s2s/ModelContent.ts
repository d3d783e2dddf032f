/**
 * What the responses of a model bring: audio, its words, text in place of audio, tool calls.
 *
 * @since 0.1.0
 */
import type { ModelAsking } from "./ModelAsking.ts"
import type { ModelCodec } from "./ModelCodec.ts"
import type { ModelReplies } from "./ModelReplies.ts"
import { type ModelReply, MS_PER_CHARACTER } from "./ModelReply.ts"
import type { ModelResponses } from "./ModelResponses.ts"
import type { ModelToolCalls } from "./ModelToolCalls.ts"
import type { S2sContext } from "./S2sContext.ts"
import type { S2sListener } from "./S2sProtocol.ts"

/** The longest reply, 15 min: past it the model is stopped, and what was made is played. */
const MAX_MS = 15 * 60_000

/**
 * Where the content goes. `speaksText`: whether the session speaks what the model writes.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelContentOptions {
  readonly listener: S2sListener
  readonly codec: ModelCodec
  readonly asking: ModelAsking
  readonly responses: ModelResponses
  readonly replies: ModelReplies
  readonly calls: ModelToolCalls
  readonly context: S2sContext
  readonly speaksText: boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export class ModelContent {
  readonly #options: ModelContentOptions

  constructor(options: ModelContentOptions) {
    this.#options = options
  }

  /** Audio of a response, or what is wrong with it. */
  audio(response: string, item: string, contentIndex: number, pcm: Int16Array | string): void {
    const { codec, listener, responses, speaksText } = this.#options
    const reply = responses.continue(response)
    if (reply === undefined) return
    if (typeof pcm === "string") {
      reply.fault = pcm
      return
    }
    // text and audio of one item say the same
    if (pcm.length === 0 || (reply.written.has(item) && speaksText)) return
    if (reply.ms >= MAX_MS) return this.#cut(reply)
    reply.audible = true
    reply.audioDone = false
    reply.produced = true
    const text = reply.addAudio(item, contentIndex, pcm.length, codec.sampleRate)
    listener.emit({ _tag: "ReplyAudio", reply: reply.name, pcm, text })
  }

  /** Ends a reply that is too long. */
  #cut(reply: ModelReply): void {
    const { asking, codec, replies } = this.#options
    replies.end(reply)
    if (reply.response !== undefined) codec.stop(reply.response)
    asking.next()
  }

  /** A response makes an item of the model's conversation. */
  item(response: string, item: string): void {
    this.#options.responses.continue(response)?.madeItem(item)
  }

  /** The words of the audio. `whole`: `text` is all that the item has, of which pieces may have come before. */
  transcript(response: string, text: string, whole = false): void {
    const reply = this.#options.responses.continue(response)
    if (reply === undefined || (whole && !reply.isNewText(text))) return
    if (!whole) reply.hasTextPieces = true
    reply.addText(text)
    this.#options.context.add("agent", reply.name, text, reply.ms)
  }

  /** The audio of a response is complete. */
  audioDone(response: string): void {
    const reply = this.#options.responses.get(response)
    if (reply !== undefined) reply.audioDone = true
  }

  /** Text in place of audio. `whole`: `text` is all that the item has, of which pieces may have come before. */
  written(response: string, item: string, text: string, whole: boolean): void {
    const reply = this.#options.responses.continue(response)
    if (reply === undefined || reply.items.some(({ id }) => id === item && id !== "")) return
    const former = reply.written.get(item) ?? ""
    if (whole && !text.startsWith(former)) return
    const piece = whole ? text.slice(former.length) : text
    const at = piece === "" ? undefined : reply.addWritten(piece)
    if (at === undefined) return
    reply.written.set(item, former + piece)
    reply.madeItem(item)
    // where items have no ids, audio that says the same may follow
    if (!this.#options.codec.ordered) this.#emitText(reply, piece, at)
  }

  /** A response ends, of whose items audio might have followed: without any, its text is what it says. */
  endWritten(reply: ModelReply): void {
    if (!this.#options.codec.ordered || reply.audible) return
    for (const text of reply.written.values()) this.#emitText(reply, text, reply.ms)
  }

  #emitText(reply: ModelReply, text: string, at: number): void {
    const { context, listener, speaksText } = this.#options
    if (!speaksText) return
    for (const { 0: word, index } of text.matchAll(/\s*\S+\s*/gu)) {
      context.add("agent", reply.name, word, at + index * MS_PER_CHARACTER)
    }
    reply.audible = true
    reply.produced = true
    listener.emit({ _tag: "ReplyText", reply: reply.name, text })
  }

  /** A response calls a tool. */
  toolCall(response: string, id: string, name: string, input: unknown): void {
    const { calls, codec, listener, replies, responses } = this.#options
    const reply = responses.continue(response)
    if (responses.get(response)?.isNewCall(id, name, input) !== true) return
    // the call is not run; without an output the model's context would be invalid
    if (reply === undefined) return codec.toolOutput(id, name, `{"error":"the user interrupted"}`)
    if (calls.isEndless(reply)) {
      replies.fail(reply, replies.error("calls tools without end"))
      return codec.stop(response)
    }
    const own = calls.add(id, reply, name)
    if (own === undefined) return codec.toolOutput(id, name, `{"error":"too many calls at once"}`)
    listener.emit({ _tag: "ToolCall", reply: reply.name, id: own, name, input })
  }
}
