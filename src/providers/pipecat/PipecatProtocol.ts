/**
 * The frames between us and a Pipecat pipeline that brings a user: we are the bot of its client.
 *
 * Audio comes and goes as PCM in protobuf; `interruption` from us means that what was not played is to be dropped, and
 * from the other side that the agent is to stop. RTVI is answered as Pipecat's own bots do.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import { msOf } from "../../audio/AudioFormat.ts"
import * as ClientMessage from "../../session/ClientMessage.ts"
import { costOf, costOfAudio } from "../../transport/FloodLimit.ts"
import type { FrameListener, MakeProtocol } from "../../transport/WebSocketProtocol.ts"
import * as PipecatFrames from "../../wire/PipecatFrames.ts"
import * as Rtvi from "../../wire/Rtvi.ts"
import * as RtviEvents from "./RtviEvents.ts"

const INTERRUPTION = PipecatFrames.encode({ _tag: "Interruption" })
const CONTROL_MS = costOf({ _tag: "Unknown", type: "" })

const toFrame = (message: Rtvi.RtviMessage): Uint8Array =>
  PipecatFrames.encode({ _tag: "Message", data: Rtvi.encode(message) })

/** The client message that an RTVI message stands for. */
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
  let waiting: string | undefined
  let otherRate: number | undefined

  const answer = (message: Rtvi.RtviMessage): void => reply(toFrame(message))
  const botReady = (id: string | undefined): void =>
    answer({ type: "bot-ready", id, data: { version: Rtvi.VERSION, about: { library: "effect-voice" } } })

  const onClientReady = ({ data, id }: Rtvi.RtviMessage): void => {
    const version = Rtvi.textField(data, "version")
    if (version?.split(".", 1)[0] !== Rtvi.VERSION.split(".", 1)[0]) {
      answer({ type: "error-response", id, data: { error: `expected RTVI ${Rtvi.VERSION}; we go on nevertheless` } })
    }
    if (started) return botReady(id)
    waiting = id ?? ""
  }

  const take = (parsed: ClientMessage.ParseResult, hearing: FrameListener): void => {
    if (parsed._tag === "Message") hearing.message(parsed.message)
    else if (parsed._tag === "Malformed") hearing.malformed(parsed.reason)
  }

  const onMessage = (text: string, hearing: FrameListener): number => {
    const read = Rtvi.decode(text)
    if (Result.isFailure(read)) {
      hearing.malformed(read.failure)
      return CONTROL_MS
    }
    const message = read.success
    const { id, type } = message
    if (type === "client-ready") {
      onClientReady(message)
      return CONTROL_MS
    }
    const parsed = clientMessageOf(message)
    take(parsed, hearing)
    if (parsed._tag === "Unknown") answer({ type: "error-response", id, data: { error: "unsupported type" } })
    else if (parsed._tag === "Malformed") answer({ type: "error-response", id, data: { error: parsed.reason } })
    else if (type === "client-message") {
      answer({ type: "server-response", id, data: { t: parsed.message.type, d: null } })
    }
    return costOf(parsed)
  }

  const onAudio = (frame: PipecatFrames.PipecatFrame & { readonly _tag: "Audio" }, hearing: FrameListener): number => {
    if (frame.sampleRate !== inputSampleRate) {
      // told once, not fifty times a second
      if (frame.sampleRate !== otherRate) {
        otherRate = frame.sampleRate
        hearing.malformed(
          `audio at ${frame.sampleRate} Hz on a connection for ${inputSampleRate} Hz: connect with ?input_rate=${frame.sampleRate}`
        )
      }
      return CONTROL_MS
    }
    otherRate = undefined
    const pcm = PipecatFrames.samplesOf(frame)
    hearing.audio(pcm)
    return costOfAudio(msOf(pcm.length, inputSampleRate))
  }

  return {
    receive: (data, isBinary, hearing) => {
      if (!isBinary) {
        hearing.malformed("expected a binary frame, a protobuf message of Pipecat's")
        return CONTROL_MS
      }
      const read = PipecatFrames.decode(data)
      if (Result.isFailure(read)) {
        hearing.malformed(read.failure)
        return CONTROL_MS
      }
      const frame = read.success
      switch (frame._tag) {
        case "Audio":
          return onAudio(frame, hearing)
        case "Message":
          return onMessage(frame.data, hearing)
        case "Text": {
          const parsed = ClientMessage.decode({ type: "user.text", text: frame.text })
          take(parsed, hearing)
          return costOf(parsed)
        }
        case "Interruption":
          hearing.message({ type: "agent.interrupt" })
          return CONTROL_MS
        // A pipeline that hears words itself; what the user said is ours to find out.
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
