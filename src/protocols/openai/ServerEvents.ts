/**
 * The events that a client of the OpenAI Realtime protocol gets. Each has an id of its own.
 *
 * https://platform.openai.com/docs/api-reference/realtime-server-events
 *
 * @since 0.1.0
 */
import type { OpenAiFault } from "./Errors.ts"
import type { RealtimeItem } from "./Items.ts"
import type { AudioFormat, RealtimeSession } from "./RealtimeSession.ts"

/**
 * A part of an item while it is made.
 *
 * @category models
 * @since 0.1.0
 */
export type ContentPart =
  | { readonly type: "audio"; readonly transcript: string }
  | { readonly type: "text"; readonly text: string }

/**
 * A response as clients see it.
 *
 * @category models
 * @since 0.1.0
 */
export interface RealtimeResponse {
  readonly object: "realtime.response"
  readonly id: string
  readonly status: "in_progress" | "completed" | "cancelled" | "failed" | "incomplete"
  readonly status_details: object | null
  readonly output: ReadonlyArray<RealtimeItem>
  readonly conversation_id: string
  readonly output_modalities: ReadonlyArray<"audio" | "text">
  readonly max_output_tokens: number | "inf"
  readonly audio: { readonly output: { readonly format: AudioFormat; readonly voice: string } }
  readonly usage: object | null
  readonly metadata: unknown
}

interface InItem {
  readonly item_id: string
}

interface Added {
  readonly previous_item_id: string | null
  readonly item: RealtimeItem
}

interface InResponse extends InItem {
  readonly response_id: string
  readonly output_index: number
}

interface InContent extends InResponse {
  readonly content_index: number
}

interface OutputItem {
  readonly response_id: string
  readonly output_index: number
  readonly item: RealtimeItem
}

/**
 * What a client can come back with, once its connection is lost: a token, and until when it is good, in Unix seconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Resumption {
  readonly value: string
  readonly expires_at: number
}

/**
 * What each event says, without its type and id.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServerEvents {
  readonly "session.created": { readonly session: RealtimeSession & { readonly client_secret?: Resumption } }
  readonly "session.updated": { readonly session: RealtimeSession }
  readonly error: { readonly error: OpenAiFault & { readonly event_id: string | null } }
  readonly "input_audio_buffer.speech_started": InItem & { readonly audio_start_ms: number }
  readonly "input_audio_buffer.speech_stopped": InItem & { readonly audio_end_ms: number }
  readonly "input_audio_buffer.committed": InItem & { readonly previous_item_id: string | null }
  readonly "input_audio_buffer.cleared": object
  readonly "input_audio_buffer.timeout_triggered": InItem & {
    readonly audio_start_ms: number
    readonly audio_end_ms: number
  }
  readonly "input_audio_buffer.dtmf_event_received": { readonly event: string; readonly received_at: number }
  readonly "conversation.item.added": Added
  readonly "conversation.item.done": Added
  readonly "conversation.item.retrieved": { readonly item: RealtimeItem }
  readonly "conversation.item.deleted": InItem
  readonly "conversation.item.truncated": InItem & { readonly content_index: number; readonly audio_end_ms: number }
  readonly "conversation.item.input_audio_transcription.delta": InItem & {
    readonly content_index: number
    readonly delta: string
  }
  readonly "conversation.item.input_audio_transcription.completed": InItem & {
    readonly content_index: number
    readonly transcript: string
    readonly usage: { readonly type: "duration"; readonly seconds: number }
  }
  readonly "response.created": { readonly response: RealtimeResponse }
  readonly "response.done": { readonly response: RealtimeResponse }
  readonly "response.output_item.added": OutputItem
  readonly "response.output_item.done": OutputItem
  readonly "response.content_part.added": InContent & { readonly part: ContentPart }
  readonly "response.content_part.done": InContent & { readonly part: ContentPart }
  readonly "response.output_audio_transcript.delta": InContent & { readonly delta: string }
  readonly "response.output_audio_transcript.done": InContent & { readonly transcript: string }
  readonly "response.output_audio.done": InContent
  readonly "response.output_text.delta": InContent & { readonly delta: string }
  readonly "response.output_text.done": InContent & { readonly text: string }
  readonly "response.function_call_arguments.delta": InResponse & { readonly call_id: string; readonly delta: string }
  readonly "response.function_call_arguments.done": InResponse & {
    readonly call_id: string
    readonly name: string
    readonly arguments: string
  }
  readonly "output_audio_buffer.started": { readonly response_id: string }
  readonly "output_audio_buffer.stopped": { readonly response_id: string }
  readonly "output_audio_buffer.cleared": { readonly response_id: string }
}

/**
 * Sends an event.
 *
 * @category models
 * @since 0.1.0
 */
export type Emit = <Type extends keyof ServerEvents>(type: Type, fields: ServerEvents[Type]) => void

/**
 * Sends events as text frames; `newId` makes their ids.
 *
 * @category constructors
 * @since 0.1.0
 */
export const emitter = (newId: (prefix: string) => string, reply: (frame: string) => void): Emit => (type, fields) =>
  reply(JSON.stringify({ type, event_id: newId("event"), ...fields }))
