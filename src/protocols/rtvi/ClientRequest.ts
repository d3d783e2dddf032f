/**
 * What the messages of an RTVI client ask for. Pure: plain data, or what is wrong with the message; quotes nothing of it.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as ClientMessage from "../../session/ClientMessage.ts"
import type * as PipecatFrames from "../../wire/PipecatFrames.ts"
import * as Rtvi from "../../wire/Rtvi.ts"

/** A telephone number with its extensions has fewer. */
const MAX_BUTTONS = 64
/** As many as fit into a message, if each is 10 ms long. */
const MAX_BATCH = 256

/**
 * - `Ready`: the client is there, and speaks this version.
 * - `Messages`: what the session does about it.
 * - `Text`: what the user typed; `role`: who is to have said it. Without `answered` it is only added to the conversation; without
 *   `spoken` its answer is text.
 * - `Audio`: the user's audio, in JSON.
 * - `Disconnect`: the session is to end when the agent has finished.
 * - `Request`: a message of the application's own, which expects an answer.
 * - `Unsupported`: what RTVI has, and is not served; or what nobody knows.
 *
 * @category models
 * @since 0.1.0
 */
export type ClientRequest =
  | { readonly _tag: "Ready"; readonly version: string | undefined }
  | { readonly _tag: "Messages"; readonly messages: ReadonlyArray<ClientMessage.ClientMessage> }
  | {
    readonly _tag: "Text"
    readonly text: string
    readonly role: "user" | "agent"
    readonly answered: boolean
    readonly spoken: boolean
  }
  | { readonly _tag: "Audio"; readonly frames: ReadonlyArray<PipecatFrames.PipecatFrame & { readonly _tag: "Audio" }> }
  | { readonly _tag: "Disconnect" }
  | { readonly _tag: "Request"; readonly type: string; readonly data: unknown }
  | { readonly _tag: "Unsupported"; readonly why: string }

type Read = Result.Result<ClientRequest, string>

const messages = (parsed: ReadonlyArray<ClientMessage.ParseResult>): Read => {
  const read: Array<ClientMessage.ClientMessage> = []
  for (const each of parsed) {
    if (each._tag === "Malformed") return Result.fail(each.reason)
    if (each._tag === "Message") read.push(each.message)
  }
  return Result.succeed({ _tag: "Messages", messages: read })
}

/** A flag of a message's options; `undefined`: it is none. */
const flag = (options: unknown, name: string, byDefault: boolean): boolean | undefined => {
  const value = Rtvi.field(options, name) ?? byDefault
  return typeof value === "boolean" ? value : undefined
}

const text = (type: string, content: unknown, options: unknown, role: unknown, answeredByDefault: boolean): Read => {
  const answered = flag(options, "run_immediately", answeredByDefault)
  const spoken = flag(options, "audio_response", true)
  if (answered === undefined || spoken === undefined) return Result.fail(`"${type}" with an option that is no boolean`)
  if (typeof content !== "string") return Result.fail(`"${type}" without a text`)
  const fault = ClientMessage.textFault(content)
  if (fault !== undefined) return Result.fail(`"${type}" with a ${fault}`)
  if (role !== "user" && role !== "assistant") return Result.fail(`"${type}" with another role than user or assistant`)
  return Result.succeed({
    _tag: "Text",
    text: content,
    role: role === "user" ? "user" : "agent",
    answered: answered && role === "user",
    spoken
  })
}

const buttons = (data: unknown): Read => {
  // before protocol 2.1 there was one a message
  const given = Rtvi.field(data, "buttons") ?? [Rtvi.field(data, "button")]
  if (!Array.isArray(given) || given.length === 0 || given.length > MAX_BUTTONS) {
    return Result.fail(`"dtmf" with other than 1 to ${MAX_BUTTONS} buttons`)
  }
  return messages(given.map((digit: unknown) => ClientMessage.decode({ type: "user.dtmf", digit })))
}

const audio = (type: string, data: unknown): Read => {
  const given = type === "raw-audio" ? [Rtvi.field(data, "base64Audio")] : Rtvi.field(data, "base64AudioBatch")
  const sampleRate = Rtvi.field(data, "sampleRate")
  const channels = Rtvi.field(data, "numChannels") ?? 1
  if (
    !Array.isArray(given) || given.length > MAX_BATCH || typeof sampleRate !== "number" ||
    typeof channels !== "number" ||
    !Number.isSafeInteger(channels) || channels < 1
  ) return Result.fail(`"${type}" without audio, its rate and its channels`)
  const frames = given.map((each: unknown) =>
    typeof each !== "string"
      ? undefined
      : { _tag: "Audio" as const, audio: Buffer.from(each, "base64"), sampleRate, channels }
  )
  return frames.every((each) => each !== undefined)
    ? Result.succeed({ _tag: "Audio", frames })
    : Result.fail(`"${type}" whose audio is no base64`)
}

const request = (data: unknown): Read => {
  const type = Rtvi.textField(data, "t")
  if (type === undefined || type === "") return Result.fail("\"client-message\" without a type")
  const fields = Rtvi.field(data, "d")
  // our own messages, by their names
  const parsed = ClientMessage.decode({ ...(typeof fields === "object" ? fields : {}), type })
  return parsed._tag === "Unknown"
    ? Result.succeed({ _tag: "Request", type, data: fields })
    : messages([parsed])
}

/**
 * Reads a message of a client.
 *
 * @category conversions
 * @since 0.1.0
 */
export const read = ({ data, type }: Rtvi.RtviMessage): Read => {
  switch (type) {
    case "client-ready":
      return Result.succeed({ _tag: "Ready", version: Rtvi.textField(data, "version") })
    case "send-text":
      return text(type, Rtvi.field(data, "content"), Rtvi.field(data, "options"), "user", true)
    case "append-to-context":
      return text(type, Rtvi.field(data, "content"), data, Rtvi.field(data, "role") ?? "user", false)
    case "client-message":
      return request(data)
    case "dtmf":
      return buttons(data)
    case "raw-audio":
    case "raw-audio-batch":
      return audio(type, data)
    case "disconnect-bot":
      return Result.succeed({ _tag: "Disconnect" })
    case "llm-function-call-result":
      return Result.succeed({ _tag: "Unsupported", why: "no tool of this agent runs in the client" })
    default:
      return Result.succeed({ _tag: "Unsupported", why: "unsupported type" })
  }
}
