/**
 * Encodes and decodes the messages of a WebRTC call's data channel; its audio goes beside them, on a track.
 *
 * It is what a `WebSocketProtocol` is without its audio, so that a protocol that has both transports is written once. `mark` is called
 * after each frame of 20 ms, as it goes out on the track: what `clear` drops has not been marked.
 *
 * @since 0.1.0
 */
import { costOf } from "../../session/FloodLimit.ts"
import * as SessionEvent from "../../session/SessionEvent.ts"
import * as WebSocketProtocol from "../websocket/WebSocketProtocol.ts"

/**
 * The protocol of one connection. All synchronous; nothing throws, whatever arrives.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChannelProtocol extends
  Pick<
    WebSocketProtocol.WebSocketProtocol,
    "receive" | "event" | "clear" | "mark" | "farewell" | "callTool" | "afterListening" | "listening"
  >
{
  /**
   * What is sent in place of a message of this event that is larger than the client takes, `limit` bytes: clients announce that in
   * their SDP. Default: nothing.
   */
  readonly leftOut?: ((event: SessionEvent.SessionEvent, limit: number) => string | Uint8Array) | undefined
}

/**
 * Makes the protocol of a connection; `reply` sends a message to the user at once. Each `MakeProtocol` is one.
 *
 * @category models
 * @since 0.1.0
 */
export type MakeChannelProtocol = (
  rates: WebSocketProtocol.SampleRates,
  reply: (message: string | Uint8Array) => void
) => ChannelProtocol

/**
 * The native protocol: the JSON that a WebSocket carries. In the place of an event that is too large stands an `error` that says so.
 *
 * @category constructors
 * @since 0.1.0
 */
export const native: MakeChannelProtocol = (rates, reply) => {
  const { clear, event, receive } = WebSocketProtocol.native(rates, reply)
  return {
    receive: (data, isBinary, listener) => {
      if (!isBinary) return receive(data, isBinary, listener)
      const reason = "binary data on the events channel"
      listener.malformed(reason)
      return costOf({ _tag: "Malformed", reason })
    },
    event,
    clear,
    leftOut: ({ atMs, seq, type }, limit) =>
      SessionEvent.toJson({
        type: "error",
        code: "invalid_config",
        message: `an event was left out, because the data channel takes at most ${limit} bytes: ${type}`,
        details: { reason: "too_large", limit },
        seq,
        atMs
      })
  }
}
