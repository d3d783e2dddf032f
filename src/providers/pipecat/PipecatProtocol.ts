/**
 * The frames between this process and a Pipecat pipeline that connects a user: to its client, we are the bot.
 *
 * Audio is PCM in protobuf, both ways. An `interruption` frame from us tells the client to drop what it has not played; from
 * the client it stops the agent. RTVI messages are answered as Pipecat's own bots answer them.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import { msOf } from "../../audio/AudioFormat.ts"
import * as ClientMessage from "../../session/ClientMessage.ts"
import { costOf, costOfAudio } from "../../session/FloodLimit.ts"
import type { FrameListener, MakeProtocol } from "../../transport/websocket/WebSocketProtocol.ts"
import * as PipecatFrames from "../../wire/PipecatFrames.ts"
import * as Rtvi from "../../wire/Rtvi.ts"
import * as RtviEvents from "./RtviEvents.ts"

const INTERRUPTION = PipecatFrames.encode({ _tag: "Interruption" })
const CONTROL_MS = costOf({ _tag: "Unknown", type: "" })

const toFrame = (message: Rtvi.RtviMessage): Uint8Array =>
  PipecatFrames.encode({ _tag: "Message", data: Rtvi.encode(message) })

/** The client message that is equivalent to an RTVI message. */
const clientMessageOf = ({ data, type }: Rtvi.RtviMessage): ClientMessage.ParseResult => {
  switch (type) {
    case "disconnect-bot":
      return { _tag: "Message", message: { type: "session.end" } }
    case "send-text":
      return ClientMessage.decode({ type: "user.text", text: Rtvi.field(data, "content") })
    case "client-message": {
      const name = Rtvi.textField(data, "t")
      const fields = Rtvi.field(data, "d")
      return ClientMessage.decode({ ...(typeof fields === "object" ? fields : {}), type: name })
    }
    default:
      return { _tag: "Unknown", type }
  }
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make: MakeProtocol = ({ inputSampleRate, outputSampleRate }, reply) => {
  let started = false
  const samplesOf = PipecatFrames.audioDecoder()
  let waiting: string | undefined
  let reportedRate: number | undefined

  const answer = (message: Rtvi.RtviMessage): void => reply(toFrame(message))
  const botReady = (id: string | undefined): void =>
    answer({ type: "bot-ready", id, data: { version: Rtvi.VERSION, about: { library: "effect-voice" } } })

  const onClientReady = ({ data, id }: Rtvi.RtviMessage): void => {
    const version = Rtvi.textField(data, "version")
    if (version?.split(".", 1)[0] !== Rtvi.VERSION.split(".", 1)[0]) {
      answer({ type: "error-response", id, data: { error: `expected RTVI ${Rtvi.VERSION}; continuing` } })
    }
    if (started) return botReady(id)
    waiting = id ?? ""
  }

  const deliver = (parsed: ClientMessage.ParseResult, listener: FrameListener): void => {
    if (parsed._tag === "Message") listener.message(parsed.message)
    else if (parsed._tag === "Malformed") listener.malformed(parsed.reason)
  }

  const onMessage = (text: string, listener: FrameListener): number => {
    const read = Rtvi.decode(text)
    if (Result.isFailure(read)) {
      listener.malformed(read.failure)
      return CONTROL_MS
    }
    const message = read.success
    const { id, type } = message
    if (type === "client-ready") {
      onClientReady(message)
      return CONTROL_MS
    }
    const parsed = clientMessageOf(message)
    deliver(parsed, listener)
    if (parsed._tag === "Unknown") answer({ type: "error-response", id, data: { error: "unsupported type" } })
    else if (parsed._tag === "Malformed") answer({ type: "error-response", id, data: { error: parsed.reason } })
    else if (type === "client-message") {
      answer({ type: "server-response", id, data: { t: parsed.message.type, d: null } })
    }
    return costOf(parsed)
  }

  const onAudio = (frame: PipecatFrames.PipecatFrame & { readonly _tag: "Audio" }, listener: FrameListener): number => {
    if (frame.sampleRate !== inputSampleRate) {
      // Reported once, not fifty times a second.
      if (frame.sampleRate !== reportedRate) {
        reportedRate = frame.sampleRate
        listener.malformed(
          `audio at ${frame.sampleRate} Hz on a connection for ${inputSampleRate} Hz: connect with ?input_rate=${frame.sampleRate}`
        )
      }
      return CONTROL_MS
    }
    reportedRate = undefined
    const pcm = samplesOf(frame)
    listener.audio(pcm)
    return costOfAudio(msOf(pcm.length, inputSampleRate))
  }

  return {
    receive: (data, isBinary, listener) => {
      if (!isBinary) {
        listener.malformed("expected a binary frame with a Pipecat protobuf message")
        return CONTROL_MS
      }
      const read = PipecatFrames.decode(data)
      if (Result.isFailure(read)) {
        listener.malformed(read.failure)
        return CONTROL_MS
      }
      const frame = read.success
      switch (frame._tag) {
        case "Audio":
          return onAudio(frame, listener)
        case "Message":
          return onMessage(frame.data, listener)
        case "Text": {
          const parsed = ClientMessage.decode({ type: "user.text", text: frame.text })
          deliver(parsed, listener)
          return costOf(parsed)
        }
        case "Interruption":
          listener.message({ type: "agent.interrupt" })
          return CONTROL_MS
        // From a pipeline with its own speech recognition: our engine decides what the user said.
        case "Transcription":
        case "Unknown":
          return CONTROL_MS
      }
    },
    audio: PipecatFrames.audioEncoder(outputSampleRate),
    event: (event) => {
      const frames = RtviEvents.messagesOf(event).map(toFrame)
      if (event.type === "session.started") {
        started = true
        if (waiting !== undefined) botReady(waiting === "" ? undefined : waiting)
        waiting = undefined
      }
      return frames
    },
    clear: () => INTERRUPTION
  }
}
