/**
 * The messages of the Gemini Live API: the server's (one message may carry several events) and the client's. Pure: text in,
 * data out. A field that is not needed, or of another shape, costs nothing of the rest of its message.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as CallArguments from "../../schema/CallArguments.ts"
import * as Json from "../../schema/Json.ts"
import * as Loose from "../../schema/Loose.ts"
import * as Base64Pcm from "../hosted/s2s/Base64Pcm.ts"
import type { ContextMessage } from "../hosted/s2s/S2sContext.ts"

const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const Transcription = Schema.Struct({ text: Loose.optional(Schema.String), finished: Loose.optional(Schema.Boolean) })

const Call = Schema.Struct({
  id: Loose.optional(Schema.Union([Schema.String, Schema.Number])),
  name: Schema.String,
  args: Schema.optionalKey(Schema.Unknown)
})

const Part = Schema.Struct({
  text: optional(Schema.String),
  thought: optional(Schema.Boolean),
  inlineData: optional(Schema.Struct({ mimeType: optional(Schema.String), data: optional(Schema.String) })),
  functionCall: optional(Call)
})

const Parts = Schema.Array(Loose.orNull(Part))
const Calls = Schema.Array(Loose.orNull(Call))

const Content = Schema.Struct({
  modelTurn: Loose.optional(Schema.Struct({ parts: Loose.optional(Parts) })),
  turnComplete: Loose.optional(Schema.Boolean),
  generationComplete: Loose.optional(Schema.Boolean),
  interrupted: Loose.optional(Schema.Boolean),
  inputTranscription: Loose.optional(Transcription),
  outputTranscription: Loose.optional(Transcription)
})

const ServerMessage = Schema.Struct({
  setupComplete: Schema.optionalKey(Schema.Unknown),
  serverContent: optional(Content),
  toolCall: Loose.optional(Schema.Struct({ functionCalls: Loose.optional(Calls) })),
  toolCallCancellation: Loose.optional(Schema.Struct({ ids: Loose.optional(Schema.Array(Schema.String)) })),
  goAway: Schema.optionalKey(Schema.Unknown),
  sessionResumptionUpdate: Loose.optional(Schema.Struct({
    newHandle: Loose.optional(Schema.String),
    resumable: Loose.optional(Schema.Boolean)
  })),
  voiceActivity: Loose.optional(Schema.Struct({ voiceActivityType: Loose.optional(Schema.String) })),
  voiceActivityDetectionSignal: Loose.optional(Schema.Struct({ vadSignalType: Loose.optional(Schema.String) }))
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
 * A call of a function. Some models give no id.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolCall {
  readonly id: string | undefined
  readonly name: string
  readonly input: unknown
}

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
    readonly calls: ReadonlyArray<ToolCall>
  }
  | { readonly _tag: "ToolCallsCancelled"; readonly ids: ReadonlyArray<string> }
  | { readonly _tag: "Interrupted" }
  | { readonly _tag: "GenerationComplete" }
  | { readonly _tag: "TurnComplete" }
  | { readonly _tag: "GoAway" }
  | { readonly _tag: "ResumptionHandle"; readonly handle: string | undefined }

const read = Schema.decodeUnknownResult(ServerMessage)

/** 16-bit PCM; the sample rate is checked by itself. */
const isPcm = (mimeType: string): boolean => /^audio\/(?:pcm|l16)\b/iu.test(mimeType)

const toCall = ({ args, id, name }: typeof Call.Type): ToolCall => ({
  id: id == null || id === "" ? undefined : String(id),
  name,
  input: CallArguments.read(args)
})

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
    for (const part of content.modelTurn?.parts ?? []) {
      if (part === null) continue
      const { functionCall, inlineData: data, text, thought } = part
      if (functionCall != null) found.push({ _tag: "ToolCalls", calls: [toCall(functionCall)] })
      if (text != null && text !== "" && thought !== true) found.push({ _tag: "Text", text })
      if (data?.data == null || !isPcm(data.mimeType ?? "audio/pcm")) continue
      found.push({ _tag: "Audio", pcm: audio(data.mimeType ?? "", data.data) })
    }
  }
  const calls = (message.toolCall?.functionCalls ?? []).flatMap((call) => call === null ? [] : [toCall(call)])
  if (calls.length > 0) found.push({ _tag: "ToolCalls", calls })
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
