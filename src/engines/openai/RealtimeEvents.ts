/**
 * The events of OpenAI's Realtime API (GA), the server's and the client's. Pure: text in, data out.
 *
 * Of the server's events only what is used is read, and what of it is not needed may be missing or of another shape: other
 * servers speak this API too. The names that the API had before it was GA, which they still send, mean the same.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Json from "../../schema/Json.ts"
import * as Loose from "../../schema/Loose.ts"
import * as Base64Pcm from "../hosted/s2s/Base64Pcm.ts"
import type { ContextMessage } from "../hosted/s2s/S2sContext.ts"

const type = <const Type extends string, Fields extends Schema.Struct.Fields>(name: Type, fields: Fields) =>
  Schema.Struct({ type: Schema.Literal(name), ...fields })

const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const ErrorBody = Schema.Struct({
  type: Loose.optional(Schema.String),
  code: Loose.optional(Schema.Union([Schema.String, Schema.Number])),
  param: Loose.optional(Schema.String),
  event_id: Loose.optional(Schema.String)
})

const Part = Schema.Struct({
  type: Loose.optional(Schema.String),
  text: Loose.optional(Schema.String),
  transcript: Loose.optional(Schema.String)
})

const Item = Schema.Struct({
  id: Loose.optional(Schema.String),
  type: Loose.optional(Schema.String),
  call_id: Loose.optional(Schema.String),
  name: Loose.optional(Schema.String),
  arguments: Schema.optionalKey(Schema.Unknown),
  content: Loose.optional(Schema.Array(Loose.orNull(Part)))
})

const Response = Schema.Struct({
  id: Loose.optional(Schema.String),
  status: Loose.optional(Schema.String),
  status_details: Loose.optional(Schema.Struct({
    type: Loose.optional(Schema.String),
    reason: Loose.optional(Schema.String),
    error: Loose.optional(Schema.Struct({ type: Loose.optional(Schema.String), code: Loose.optional(Schema.String) }))
  })),
  metadata: Loose.optional(Schema.Record(Schema.String, Schema.Unknown)),
  output: Loose.optional(Schema.Array(Loose.orNull(Item)))
})

/** What an event within a response is about; servers leave out what is clear. */
const about = { response_id: optional(Schema.String), item_id: optional(Schema.String) }

/**
 * The server events that are handled. Others are `Ignored`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ServerEvents = {
  "session.created": type("session.created", {}),
  "session.updated": type("session.updated", {}),
  "error": type("error", { error: Loose.optional(ErrorBody) }),
  "input_audio_buffer.speech_started": type("input_audio_buffer.speech_started", {}),
  "input_audio_buffer.speech_stopped": type("input_audio_buffer.speech_stopped", {}),
  "input_audio_buffer.committed": type("input_audio_buffer.committed", { item_id: Loose.optional(Schema.String) }),
  "conversation.item.input_audio_transcription.delta": type("conversation.item.input_audio_transcription.delta", {
    item_id: Loose.optional(Schema.String),
    delta: Loose.optional(Schema.String)
  }),
  "conversation.item.input_audio_transcription.completed": type(
    "conversation.item.input_audio_transcription.completed",
    { item_id: Loose.optional(Schema.String), transcript: Loose.optional(Schema.String) }
  ),
  "conversation.item.input_audio_transcription.failed": type("conversation.item.input_audio_transcription.failed", {
    item_id: Loose.optional(Schema.String)
  }),
  "response.created": type("response.created", { response: Response }),
  "response.output_item.added": type("response.output_item.added", { response_id: about.response_id, item: Item }),
  "response.output_item.done": type("response.output_item.done", { response_id: about.response_id, item: Item }),
  "response.content_part.done": type("response.content_part.done", { ...about, part: Part }),
  "response.output_text.delta": type("response.output_text.delta", { ...about, delta: Schema.String }),
  "response.output_text.done": type("response.output_text.done", { ...about, text: Schema.String }),
  "response.output_audio.delta": type("response.output_audio.delta", {
    ...about,
    content_index: Schema.optionalKey(Schema.Unknown),
    delta: Schema.String
  }),
  "response.output_audio.done": type("response.output_audio.done", about),
  "response.output_audio_transcript.delta": type("response.output_audio_transcript.delta", {
    ...about,
    delta: Schema.String
  }),
  "response.output_audio_transcript.done": type("response.output_audio_transcript.done", {
    ...about,
    transcript: Schema.String
  }),
  "response.function_call_arguments.done": type("response.function_call_arguments.done", {
    ...about,
    call_id: Schema.String,
    name: Loose.optional(Schema.String),
    arguments: Schema.optionalKey(Schema.Unknown)
  }),
  "response.done": type("response.done", { response: Response })
} as const

type Table = typeof ServerEvents
type Known = { readonly [Name in keyof Table]: Table[Name]["Type"] }[keyof Table]

/**
 * A decoded server event. Audio is samples, or a description of what is wrong with it.
 *
 * @category models
 * @since 0.1.0
 */
export type ServerEvent =
  | Exclude<Known, { readonly type: "response.output_audio.delta" }>
  | {
    readonly type: "response.output_audio.delta"
    readonly response_id?: string | null
    readonly item_id?: string | null
    readonly content_index?: unknown
    readonly pcm: Int16Array | string
  }
  | { readonly type: "Ignored"; readonly name: string }

const isTyped = Schema.is(Schema.Struct({ type: Schema.String }))

/** The names of events before the API was GA. */
const formerNames: ReadonlyMap<string, keyof Table> = new Map([
  ["response.audio.delta", "response.output_audio.delta"],
  ["response.audio.done", "response.output_audio.done"],
  ["response.audio_transcript.delta", "response.output_audio_transcript.delta"],
  ["response.audio_transcript.done", "response.output_audio_transcript.done"],
  ["response.text.delta", "response.output_text.delta"],
  ["response.text.done", "response.output_text.done"]
])

/** One decoder per type, looked up by name instead of tried in turn. */
const decoders: ReadonlyMap<string, (value: unknown) => Result.Result<Known, Schema.SchemaError>> = new Map(
  Object.entries(ServerEvents).map((
    [name, schema]
  ) => [name, (value: unknown): Result.Result<Known, Schema.SchemaError> => Schema.decodeUnknownResult(schema)(value)])
)

/**
 * Decodes an event; the failure describes what is wrong and does not quote it.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (text: string): Result.Result<ServerEvent, string> => {
  const value = Json.parse(text)
  if (!isTyped(value)) return Result.fail("a message that is not an event")
  const name = formerNames.get(value.type)
  const decoder = decoders.get(name ?? value.type)
  if (decoder === undefined) return Result.succeed({ type: "Ignored", name: value.type })
  return Result.match(decoder(name === undefined ? value : { ...value, type: name }), {
    onFailure: () => Result.fail(`a malformed ${value.type} event`),
    onSuccess: (event) => {
      if (event.type !== "response.output_audio.delta") return Result.succeed(event)
      const { delta, ...rest } = event
      return Result.succeed({ ...rest, pcm: Base64Pcm.decode(delta) })
    }
  })
}

/**
 * The client's events, as JSON.
 *
 * @category encoding
 * @since 0.1.0
 */
export const client = {
  sessionUpdate: (session: { readonly [key: string]: unknown }): string =>
    JSON.stringify({ type: "session.update", session: { type: "realtime", ...session } }),
  append: (pcm: Int16Array): string =>
    JSON.stringify({ type: "input_audio_buffer.append", audio: Base64Pcm.encode(pcm) }),
  commit: (id: string): string => JSON.stringify({ type: "input_audio_buffer.commit", event_id: id }),
  clear: JSON.stringify({ type: "input_audio_buffer.clear" }),
  message: ({ role, text }: ContextMessage): string =>
    JSON.stringify({
      type: "conversation.item.create",
      item: role === "user"
        ? { type: "message", role: "user", content: [{ type: "input_text", text }] }
        : { type: "message", role: "assistant", content: [{ type: "output_text", text }] }
    }),
  toolOutput: (callId: string, output: string): string =>
    JSON.stringify({
      type: "conversation.item.create",
      item: { type: "function_call_output", call_id: callId, output }
    }),
  deleteItem: (itemId: string): string => JSON.stringify({ type: "conversation.item.delete", item_id: itemId }),
  truncate: (itemId: string, contentIndex: number, audioEndMs: number): string =>
    JSON.stringify({
      type: "conversation.item.truncate",
      item_id: itemId,
      content_index: contentIndex,
      audio_end_ms: Math.max(0, Math.floor(audioEndMs))
    }),
  /** Audio is asked for explicitly: a model that reads its own words as text in the history may answer in text. */
  respond: (id: string, response: { readonly [key: string]: unknown } = {}): string =>
    JSON.stringify({
      type: "response.create",
      event_id: id,
      response: { output_modalities: ["audio"], ...response, metadata: { ask: id } }
    }),
  cancel: (responseId: string): string => JSON.stringify({ type: "response.cancel", response_id: responseId })
} as const
