/**
 * The messages of the Gemini Live API: the server's (one message may carry several events) and the client's. Pure: text in,
 * data out.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Json from "../../schema/Json.ts"
import * as Base64Pcm from "../hosted/s2s/Base64Pcm.ts"
import type { ContextMessage } from "../hosted/s2s/S2sContext.ts"

const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const Transcription = Schema.Struct({ text: optional(Schema.String), finished: optional(Schema.Boolean) })

const Part = Schema.Struct({
  text: optional(Schema.String),
  thought: optional(Schema.Boolean),
  inlineData: optional(Schema.Struct({ mimeType: optional(Schema.String), data: optional(Schema.String) }))
})

const ServerMessage = Schema.Struct({
  setupComplete: optional(Schema.Struct({})),
  serverContent: optional(Schema.Struct({
    modelTurn: optional(Schema.Struct({ parts: optional(Schema.Array(Part)) })),
    turnComplete: optional(Schema.Boolean),
    generationComplete: optional(Schema.Boolean),
    interrupted: optional(Schema.Boolean),
    inputTranscription: optional(Transcription),
    outputTranscription: optional(Transcription)
  })),
  toolCall: optional(Schema.Struct({
    functionCalls: optional(Schema.Array(Schema.Struct({
      id: optional(Schema.String),
      name: Schema.String,
      args: optional(Schema.Unknown)
    })))
  })),
  toolCallCancellation: optional(Schema.Struct({ ids: optional(Schema.Array(Schema.String)) })),
  goAway: optional(Schema.Struct({ timeLeft: optional(Schema.String) })),
  sessionResumptionUpdate: optional(Schema.Struct({
    newHandle: optional(Schema.String),
    resumable: optional(Schema.Boolean)
  })),
  voiceActivity: optional(Schema.Struct({ voiceActivityType: optional(Schema.String) })),
  voiceActivityDetectionSignal: optional(Schema.Struct({ vadSignalType: optional(Schema.String) }))
})

/**
 * The sample rate of the model's audio, in Hz.
 *
 * @category constants
 * @since 0.1.0
 */
export const OUTPUT_RATE = 24_000

/**
 * The sample rate of the user's audio, in Hz.
 *
 * @category constants
 * @since 0.1.0
 */
export const INPUT_RATE = 16_000

/**
 * An event of the server. Audio is samples, or a description of what is wrong with it.
 *
 * @category models
 * @since 0.1.0
 */
export type ServerEvent =
  | { readonly _tag: "Ready" }
  | { readonly _tag: "SpeechStarted" }
  | { readonly _tag: "SpeechStopped" }
  | { readonly _tag: "InputTranscription"; readonly text: string; readonly finished: boolean }
  | { readonly _tag: "OutputTranscription"; readonly text: string }
  | { readonly _tag: "Audio"; readonly pcm: Int16Array | string }
  | { readonly _tag: "Text"; readonly text: string }
  | {
    readonly _tag: "ToolCalls"
    readonly calls: ReadonlyArray<{ id: string | undefined; name: string; input: unknown }>
  }
  | { readonly _tag: "ToolCallsCancelled"; readonly ids: ReadonlyArray<string> }
  | { readonly _tag: "Interrupted" }
  | { readonly _tag: "GenerationComplete" }
  | { readonly _tag: "TurnComplete" }
  | { readonly _tag: "GoAway" }
  | { readonly _tag: "ResumptionHandle"; readonly handle: string | undefined }

const read = Schema.decodeUnknownResult(ServerMessage)

const audio = (mimeType: string, data: string): Int16Array | string => {
  const rate = /rate=(\d+)/u.exec(mimeType)?.[1]
  return rate !== undefined && Number(rate) !== OUTPUT_RATE ? `audio at ${rate} Hz` : Base64Pcm.decode(data)
}

/**
 * Decodes a message into its events, in the order in which to handle them; the failure describes what is wrong.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (text: string): Result.Result<ReadonlyArray<ServerEvent>, string> => {
  const value = Json.parseRecord(text)
  if (value === undefined) return Result.fail("a message that is not a JSON object")
  return Result.match(read(value), {
    onFailure: () => Result.fail("a malformed message"),
    onSuccess: (message) => Result.succeed(events(message))
  })
}

const events = (message: typeof ServerMessage.Type): ReadonlyArray<ServerEvent> => {
  const found: Array<ServerEvent> = []
  const { serverContent: content, sessionResumptionUpdate: resumption } = message
  if (message.setupComplete != null) found.push({ _tag: "Ready" })
  if (resumption != null) {
    const { newHandle, resumable } = resumption
    found.push({ _tag: "ResumptionHandle", handle: resumable === true && newHandle != null ? newHandle : undefined })
  }
  const activity = message.voiceActivity?.voiceActivityType ?? message.voiceActivityDetectionSignal?.vadSignalType
  if (activity === "ACTIVITY_START" || activity === "VAD_SIGNAL_TYPE_SOS") found.push({ _tag: "SpeechStarted" })
  if (activity === "ACTIVITY_END" || activity === "VAD_SIGNAL_TYPE_EOS") found.push({ _tag: "SpeechStopped" })
  if (content != null) {
    // first, because other content of the message belongs to the next turn
    if (content.interrupted === true) found.push({ _tag: "Interrupted" })
    const { inputTranscription: input, outputTranscription: output } = content
    if (input != null) {
      found.push({ _tag: "InputTranscription", text: input.text ?? "", finished: input.finished === true })
    }
    if (output?.text != null && output.text !== "") found.push({ _tag: "OutputTranscription", text: output.text })
    for (const { inlineData: data, text, thought } of content.modelTurn?.parts ?? []) {
      if (text != null && text !== "" && thought !== true) found.push({ _tag: "Text", text })
      if (data?.data == null || !(data.mimeType ?? "audio/pcm").startsWith("audio/pcm")) continue
      found.push({ _tag: "Audio", pcm: audio(data.mimeType ?? "", data.data) })
    }
  }
  const calls = message.toolCall?.functionCalls ?? []
  if (calls.length > 0) {
    found.push({
      _tag: "ToolCalls",
      calls: calls.map(({ args, id, name }) => ({ id: id ?? undefined, name, input: args ?? {} }))
    })
  }
  const cancelled = message.toolCallCancellation?.ids ?? []
  if (cancelled.length > 0) found.push({ _tag: "ToolCallsCancelled", ids: cancelled })
  if (content?.generationComplete === true) found.push({ _tag: "GenerationComplete" })
  if (content?.turnComplete === true) found.push({ _tag: "TurnComplete" })
  if (message.goAway != null) found.push({ _tag: "GoAway" })
  return found
}

/**
 * The client's messages, as JSON.
 *
 * @category encoding
 * @since 0.1.0
 */
export const client = {
  setup: (setup: { readonly [key: string]: unknown }): string => JSON.stringify({ setup }),
  audio: (pcm: Int16Array): string =>
    JSON.stringify({
      realtimeInput: { audio: { mimeType: `audio/pcm;rate=${INPUT_RATE}`, data: Base64Pcm.encode(pcm) } }
    }),
  activityStart: JSON.stringify({ realtimeInput: { activityStart: {} } }),
  activityEnd: JSON.stringify({ realtimeInput: { activityEnd: {} } }),
  text: (text: string): string => JSON.stringify({ realtimeInput: { text } }),
  /** The conversation so far; the model does not answer it. */
  history: (messages: ReadonlyArray<ContextMessage>): string =>
    JSON.stringify({
      clientContent: {
        turns: messages.map(({ role, text }) => ({ role: role === "user" ? "user" : "model", parts: [{ text }] })),
        turnComplete: true
      }
    }),
  toolResponse: (id: string | undefined, name: string, output: string): string =>
    JSON.stringify({ toolResponse: { functionResponses: [{ id, name, response: { output } }] } })
} as const
