/**
 * The response in progress, as a client of the OpenAI Realtime protocol sees it: created, its items with their parts and deltas, done.
 *
 * At most one at a time. Everything that was begun is ended in the order of the protocol, however the response ends; nothing of it
 * comes after `response.done`.
 *
 * @since 0.1.0
 */
import type { ClientToolCall } from "../../session/SessionControl.ts"
import type { Entry, Items, RealtimeItem } from "./Items.ts"
import { type AudioFormat, type RealtimeSession, voiceOf } from "./RealtimeSession.ts"
import type { ContentPart, Emit, RealtimeResponse } from "./ServerEvents.ts"
import { SpokenItem } from "./SpokenItem.ts"

type Kind = "audio" | "text"

/**
 * How a response ends.
 *
 * @category models
 * @since 0.1.0
 */
export type ResponseEnd =
  | { readonly status: "completed" }
  | { readonly status: "cancelled"; readonly reason: "turn_detected" | "client_cancelled" }
  | { readonly status: "failed"; readonly code: string }

/** The message that is being said. */
interface OpenItem {
  readonly entry: Entry
  readonly spoken: SpokenItem
  readonly index: number
  readonly kind: Kind
  /** The beginning of its `response.output_audio.delta` behind the id of the event. */
  readonly audioHead: string
}

interface Active {
  readonly id: string
  readonly modality: Kind
  readonly format: AudioFormat
  readonly metadata: unknown
  /** Whether the client has asked for it. */
  readonly isRequested: boolean
  readonly output: Array<Entry>
  open: OpenItem | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ResponsesOptions {
  readonly emit: Emit
  readonly newId: (prefix: string) => string
  readonly items: Items
  readonly session: () => RealtimeSession
  readonly conversationId: string
}

const noUsage = {
  total_tokens: 0,
  input_tokens: 0,
  output_tokens: 0,
  input_token_details: { text_tokens: 0, audio_tokens: 0, cached_tokens: 0 },
  output_token_details: { text_tokens: 0, audio_tokens: 0 }
}

const detailsOf = (end: ResponseEnd): object | null => {
  switch (end.status) {
    case "completed":
      return null
    case "cancelled":
      return { type: "cancelled", reason: end.reason }
    case "failed":
      // Pipecat reads the message, and nothing any more where there is none
      return {
        type: "failed",
        error: { type: "server_error", code: end.code, message: "The response could not be completed." }
      }
  }
}

const partOf = (kind: Kind, text: string): ContentPart =>
  kind === "audio" ? { type: "audio", transcript: text } : { type: "text", text }

const messageOf = (id: string, status: RealtimeItem["status"], kind: Kind, text: string | undefined): RealtimeItem => ({
  id,
  object: "realtime.item",
  type: "message",
  status,
  role: "assistant",
  content: text === undefined
    ? []
    : kind === "audio"
    ? [{ type: "output_audio", transcript: text }]
    : [{ type: "output_text", text }]
})

/**
 * @category models
 * @since 0.1.0
 */
export class Responses {
  readonly #options: ResponsesOptions
  #active: Active | undefined
  /** How many there have been. */
  count = 0

  constructor(options: ResponsesOptions) {
    this.#options = options
  }

  /** The id of the response in progress. */
  get activeId(): string | undefined {
    return this.#active?.id
  }

  /** Whether a response is in progress of which nothing has been said. */
  get isEmpty(): boolean {
    return this.#active !== undefined && this.#active.open === undefined && this.#active.output.length === 0
  }

  /** Whether the client has asked for the response in progress. */
  get isRequested(): boolean {
    return this.#active?.isRequested === true
  }

  /** The message that is being said. */
  get spoken(): SpokenItem | undefined {
    return this.#active?.open?.spoken
  }

  /** How the audio of the response in progress is coded. */
  get format(): AudioFormat | undefined {
    return this.#active?.format
  }

  create({ metadata = null, modality, requested = false }: {
    readonly modality: Kind
    readonly requested?: boolean | undefined
    readonly metadata?: unknown
  }): void {
    const session = this.#options.session()
    if (this.#active !== undefined || session.type === "transcription") return
    this.count++
    this.#active = {
      id: this.#options.newId("resp"),
      modality,
      format: session.audio.output.format,
      metadata,
      isRequested: requested,
      output: [],
      open: undefined
    }
    this.#options.emit("response.created", { response: this.#view(this.#active, "in_progress", null) })
  }

  /** Begins a message of the agent in this turn, unless one of the kind is open already. */
  begin(turn: number, kind: Kind | undefined = this.#active?.modality): OpenItem | undefined {
    const active = this.#active
    if (active === undefined || kind === undefined) return undefined
    if (active.open?.kind === kind && active.open.spoken.turn === turn) return active.open
    this.#endItem("completed")
    const { emit, items, newId } = this.#options
    const id = newId("item")
    const spoken = new SpokenItem(turn)
    const item = messageOf(id, "in_progress", kind, undefined)
    const entry = items.add(item, { turn, role: "agent" }, { spoken })
    const index = active.output.length
    active.output.push(entry)
    const within = { response_id: active.id, output_index: index, item_id: id, content_index: 0 }
    active.open = {
      entry,
      spoken,
      index,
      kind,
      audioHead: `"response_id":${JSON.stringify(active.id)},"item_id":${
        JSON.stringify(id)
      },"output_index":${index},"content_index":0,"delta":"`
    }
    emit("response.output_item.added", { response_id: active.id, output_index: index, item })
    emit("conversation.item.added", { previous_item_id: items.before(id), item })
    emit("response.content_part.added", { ...within, part: partOf(kind, "") })
    return active.open
  }

  /** The next words of the open message. `leadMs`: how much audio of it was sent before they began to be heard. */
  say(text: string, leadMs: number): void {
    const open = this.#active?.open
    if (open === undefined || text === "") return
    const delta = open.spoken.say(text, leadMs)
    const event = open.kind === "audio" ? "response.output_audio_transcript.delta" : "response.output_text.delta"
    this.#options.emit(event, { ...this.#within(open), delta })
  }

  /** The client's tool is to run: what was said before is a message of its own. */
  call({ arguments: args, id: call_id, name }: ClientToolCall): void {
    const active = this.#active
    if (active === undefined) return
    this.#endItem("completed")
    const { emit, items, newId } = this.#options
    const call = { id: newId("item"), object: "realtime.item", type: "function_call", call_id, name } as const
    const begun: RealtimeItem = { ...call, status: "in_progress", arguments: "" }
    const entry = items.add(begun, undefined)
    const output_index = active.output.length
    active.output.push(entry)
    const within = { response_id: active.id, item_id: call.id, output_index }
    emit("response.output_item.added", { response_id: active.id, output_index, item: begun })
    emit("conversation.item.added", { previous_item_id: items.before(call.id), item: begun })
    emit("response.function_call_arguments.delta", { ...within, call_id, delta: args })
    emit("response.function_call_arguments.done", { ...within, call_id, name, arguments: args })
    const item: RealtimeItem = { ...begun, status: "completed", arguments: args }
    items.replace(entry, item)
    emit("response.output_item.done", { response_id: active.id, output_index, item })
    emit("conversation.item.done", { previous_item_id: items.before(call.id), item })
  }

  /** Ends the response; `heard`: what was heard of the open message, where that is less than was said. */
  end(end: ResponseEnd, heard?: string): void {
    const active = this.#active
    if (active === undefined) return
    this.#endItem(end.status === "completed" ? "completed" : "incomplete", heard)
    this.#active = undefined
    this.#options.emit("response.done", { response: this.#view(active, end.status, detailsOf(end)) })
  }

  #endItem(status: "completed" | "incomplete", heard?: string): void {
    const open = this.#active?.open
    if (this.#active === undefined || open === undefined) return
    this.#active.open = undefined
    const { emit, items } = this.#options
    const { entry, index, kind, spoken } = open
    const text = heard ?? spoken.text
    spoken.cut(text)
    const within = this.#within(open)
    if (kind === "audio") {
      emit("response.output_audio.done", within)
      emit("response.output_audio_transcript.done", { ...within, transcript: text })
    } else {
      emit("response.output_text.done", { ...within, text })
    }
    emit("response.content_part.done", { ...within, part: partOf(kind, text) })
    const item = messageOf(entry.item.id, status, kind, text)
    items.replace(entry, item)
    emit("response.output_item.done", { response_id: this.#active.id, output_index: index, item })
    emit("conversation.item.done", { previous_item_id: items.before(item.id), item })
  }

  #within({ entry, index }: OpenItem) {
    return {
      response_id: this.#active?.id ?? "",
      item_id: entry.item.id,
      output_index: index,
      content_index: 0
    }
  }

  #view(active: Active, status: RealtimeResponse["status"], details: object | null): RealtimeResponse {
    const session = this.#options.session()
    return {
      object: "realtime.response",
      id: active.id,
      status,
      status_details: details,
      output: active.output.map(({ item }) => item),
      conversation_id: this.#options.conversationId,
      output_modalities: [active.modality],
      max_output_tokens: session.type === "realtime" ? session.max_output_tokens : "inf",
      audio: { output: { format: active.format, voice: voiceOf(session) ?? "" } },
      usage: status === "in_progress" ? null : noUsage,
      metadata: active.metadata
    }
  }
}
