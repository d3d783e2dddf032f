/**
 * RTVI over the data channel of a WebRTC call, as Pipecat's `small-webrtc-transport` speaks it: JSON, and beside it the transport's own
 * messages. The audio goes on its track.
 *
 * @since 0.1.0
 */
import * as Json from "../../schema/Json.ts"
import type { MakeChannelProtocol } from "../../transport/webrtc/ChannelProtocol.ts"
import { CONTROL_MS, RtviMessages, type RtviOptions } from "./RtviMessages.ts"

/**
 * The label of the channel, which the client creates.
 *
 * @category constants
 * @since 0.1.0
 */
export const LABEL = "chat"

/** The client sends it each second; what it tells, ICE tells as well. */
const PING = "ping"
/** The messages of the transport are short. */
const MAX_SIGNALLING = 512
const PEER_LEFT = JSON.stringify({ type: "signalling", message: { type: "peerLeft" } })

/** What tells which tracks the client sends: only what comes counts. */
const isSignalling = (text: string): boolean => {
  if (text.length > MAX_SIGNALLING) return false
  const value = Json.parse(text)
  return Json.isRecord(value) && value["type"] === "signalling"
}

const decoder = new TextDecoder()

/**
 * Makes the protocol of connections.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: RtviOptions = {}): MakeChannelProtocol => ({ inputSampleRate }, reply) => {
  const messages = new RtviMessages(inputSampleRate, reply, { ...options, rawAudio: false })
  return {
    receive: (data, isBinary, listener) => {
      if (isBinary) {
        listener.malformed(`binary data on the channel ${LABEL}`)
        return CONTROL_MS
      }
      const text = decoder.decode(data)
      return text.startsWith(PING) || isSignalling(text) ? CONTROL_MS : messages.message(text, listener)
    },
    event: (event) => messages.event(event),
    clear: () => undefined,
    farewell: () => PEER_LEFT,
    afterListening: true
  }
}
