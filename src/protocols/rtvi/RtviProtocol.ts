/**
 * RTVI over a WebSocket, as Pipecat's clients speak it: to them, we are the bot.
 *
 * - Binary frames are Pipecat's protobuf frames: PCM both ways, and RTVI messages as JSON inside. So do the official clients of browsers
 *   and telephones. An `interruption` frame from us tells the client to drop what it has not played, which the one of browsers does not
 *   do: audio must not be sent far ahead. From the client it stops the agent.
 * - Text frames are the JSON itself, as Pipecat's Python client has it: the user's audio comes as `raw-audio`, the agent's goes as
 *   `bot-tts-audio`. Who sends a text frame first is answered in text frames.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { FrameListener, MakeProtocol } from "../../transport/websocket/WebSocketProtocol.ts"
import * as PipecatFrames from "../../wire/PipecatFrames.ts"
import * as Rtvi from "../../wire/Rtvi.ts"
import { CONTROL_MS, RtviMessages, type RtviOptions } from "./RtviMessages.ts"

export type { AnswerRequest, RtviOptions } from "./RtviMessages.ts"

const INTERRUPTION = PipecatFrames.encode({ _tag: "Interruption" })
const decoder = new TextDecoder()

const toFrame = (text: string): Uint8Array => PipecatFrames.encode({ _tag: "Message", data: text })

const asMessage = (pcm: Int16Array, sampleRate: number): string =>
  Rtvi.encode({
    type: "bot-tts-audio",
    data: {
      audio: Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength).toString("base64"),
      sample_rate: sampleRate,
      num_channels: 1
    }
  })

/**
 * Makes the protocol of connections.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: RtviOptions = {}): MakeProtocol => ({ inputSampleRate, outputSampleRate }, reply) => {
  /** Whether the client speaks JSON without protobuf; `undefined` before it has said anything. */
  let inText: boolean | undefined
  const encode = (text: string): string | Uint8Array => inText === true ? text : toFrame(text)
  const messages = new RtviMessages(inputSampleRate, (text) => reply(encode(text)), options)
  const audioFrame = PipecatFrames.audioEncoder(outputSampleRate)

  const receiveFrame = (data: Uint8Array, listener: FrameListener): number => {
    const read = PipecatFrames.decode(data)
    if (Result.isFailure(read)) {
      listener.malformed(read.failure)
      return CONTROL_MS
    }
    const frame = read.success
    switch (frame._tag) {
      case "Audio":
        return messages.audio(frame, listener)
      case "Message":
        return messages.message(frame.data, listener)
      case "Text":
        return messages.typed(frame.text, listener)
      case "Interruption":
        listener.message({ type: "agent.interrupt" })
        return CONTROL_MS
      // From a pipeline with its own speech recognition: our engine decides what the user said.
      case "Transcription":
      case "Unknown":
        return CONTROL_MS
    }
  }

  return {
    receive: (data, isBinary, listener) => {
      inText ??= !isBinary
      return isBinary ? receiveFrame(data, listener) : messages.message(decoder.decode(data), listener)
    },
    audio: (pcm) => inText === true ? asMessage(pcm, outputSampleRate) : audioFrame(pcm),
    accepts: () => messages.isReady,
    event: (event) => messages.event(event).map(encode),
    // the event of the interruption tells it in JSON
    clear: () => inText === true ? undefined : INTERRUPTION,
    afterListening: true
  }
}
