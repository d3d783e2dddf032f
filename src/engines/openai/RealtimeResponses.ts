/**
 * The responses of OpenAI's Realtime API: gives a conversation what they tell, also where a server leaves ids away or says
 * a thing twice. Plain and synchronous.
 *
 * @since 0.1.0
 */
import * as CallArguments from "../../schema/CallArguments.ts"
import type { ModelConversation } from "../hosted/s2s/ModelConversation.ts"
import type { UserAudio } from "../hosted/s2s/UserAudio.ts"
import * as RealtimeErrors from "./RealtimeErrors.ts"
import type { ServerEvent } from "./RealtimeEvents.ts"
import type { RealtimeTurns } from "./RealtimeTurns.ts"

type Of<Type extends ServerEvent["type"]> = Extract<ServerEvent, { readonly type: Type }>

/**
 * An event about a response.
 *
 * @category models
 * @since 0.1.0
 */
export type ResponseEvent = Extract<ServerEvent, { readonly type: `response.${string}` }>

/**
 * What the responses are told to. `initiates`: whether the model answers the user by itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface RealtimeResponsesOptions {
  readonly conversation: ModelConversation
  readonly audio: UserAudio
  readonly turns: RealtimeTurns
  readonly initiates: boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export class RealtimeResponses {
  readonly #options: RealtimeResponsesOptions
  /** The latest response: what an event is about that names none. */
  #latest = ""
  #unnamed = 0

  constructor(options: RealtimeResponsesOptions) {
    this.#options = options
  }

  /** Takes an event. */
  take(event: ResponseEvent): void {
    const { content } = this.#options.conversation
    switch (event.type) {
      case "response.created":
        return this.#created(event)
      case "response.output_item.added":
        return event.item.id == null ? undefined : content.item(this.#nameOf(event.response_id), event.item.id)
      case "response.output_item.done":
        return this.#item(this.#nameOf(event.response_id), event.item)
      case "response.content_part.done":
        return this.#part(this.#nameOf(event.response_id), event.item_id ?? "", event.part)
      case "response.output_text.delta":
        return content.written(this.#nameOf(event.response_id), event.item_id ?? "", event.delta, false)
      case "response.output_text.done":
        return content.written(this.#nameOf(event.response_id), event.item_id ?? "", event.text, true)
      case "response.output_audio.delta":
        this.#options.turns.answered()
        return content.audio(
          this.#nameOf(event.response_id),
          event.item_id ?? "",
          typeof event.content_index === "number" ? event.content_index : 0,
          event.pcm
        )
      case "response.output_audio.done":
        return content.audioDone(this.#nameOf(event.response_id))
      case "response.output_audio_transcript.delta":
        return content.transcript(this.#nameOf(event.response_id), event.delta)
      case "response.output_audio_transcript.done":
        return content.transcript(this.#nameOf(event.response_id), event.transcript, true)
      case "response.function_call_arguments.done":
        // the name of the function follows with the item
        return event.name == null ? undefined : content.toolCall(
          this.#nameOf(event.response_id),
          event.call_id,
          event.name,
          CallArguments.read(event.arguments)
        )
      case "response.done":
        return this.#done(event)
    }
  }

  #nameOf(response: string | null | undefined): string {
    const { audio, conversation, initiates } = this.#options
    if (response != null) return response
    // an event that follows the end of a response is about that, unless another is expected
    const expected = conversation.isAsked || (initiates && audio.state === "awaiting")
    if (!conversation.inProgress(this.#latest) && expected) this.#latest = `response-${++this.#unnamed}`
    return this.#latest
  }

  #created({ response }: Of<"response.created">): void {
    const { audio, conversation, initiates, turns } = this.#options
    const asked = response.metadata?.["ask"]
    this.#latest = response.id ?? `response-${++this.#unnamed}`
    // a response that names nothing is the model's own where the user waits for one
    const own = initiates && (audio.state === "awaiting" || audio.state === "speaking")
    if (own && typeof asked !== "string") turns.speech(false)
    conversation.begin(this.#latest, typeof asked === "string" ? asked : own ? null : undefined)
  }

  #item(response: string, item: Of<"response.output_item.done">["item"]): void {
    const call = item.call_id ?? item.id
    if (item.type === "function_call" && call != null && item.name != null) {
      const input = CallArguments.read(item.arguments)
      this.#options.conversation.content.toolCall(response, call, item.name, input)
    }
    for (const part of item.content ?? []) if (part !== null) this.#part(response, item.id ?? "", part)
  }

  #part(response: string, item: string, { text, transcript, type }: Of<"response.content_part.done">["part"]): void {
    const { content } = this.#options.conversation
    if ((type === "text" || type === "output_text") && text != null) content.written(response, item, text, true)
    if ((type === "audio" || type === "output_audio") && transcript != null) {
      content.transcript(response, transcript, true)
    }
  }

  #done({ response }: Of<"response.done">): void {
    const { conversation } = this.#options
    const id = response.id ?? this.#latest
    const asked = response.metadata?.["ask"]
    if (typeof asked === "string") conversation.begin(id, asked)
    const output = conversation.inProgress(id) ? response.output ?? [] : []
    for (const item of output) if (item !== null) this.#item(id, item)
    const { status } = response
    const reason = response.status_details?.reason
    conversation.done(id, {
      cancelled: status === "cancelled",
      error: status === "failed" || (status === "incomplete" && reason === "content_filter")
        ? RealtimeErrors.failed(response)
        : undefined
    })
  }
}
