/**
 * The media stream of a Vonage call: a `connect` action of an NCCO makes Vonage connect to our WebSocket.
 *
 * Audio is binary, 16-bit linear PCM, little-endian, at 8, 16 or 24 kHz, in messages of exactly 20 ms both ways; text messages
 * are JSON. Vonage's buffer takes about 60 s (3,072 messages). It names no call: the NCCO puts what we need to know into the
 * endpoint's `headers`, which come back in the first message.
 *
 * https://developer.vonage.com/en/voice/voice-api/concepts/websockets
 *
 * @since 0.1.0
 */
import { msOf } from "../../audio/AudioFormat.ts"
import * as Pcm from "../../audio/Pcm.ts"
import { costOf, costOfAudio } from "../../session/FloodLimit.ts"
import type { MediaCodec, MediaListener, MediaOpening, MediaProtocol, MediaStart } from "../MediaProtocol.ts"
import * as VonageMessages from "./VonageMessages.ts"

/**
 * The headers of the endpoint that tell the call, as our NCCO names them; every other header is a parameter.
 *
 * @category constants
 * @since 0.1.0
 */
export const callHeaders = {
  callId: "uuid",
  from: "from",
  to: "to",
  direction: "direction"
} as const

const CONTROL_MS = costOf({ _tag: "Unknown", type: "" })
/** 20 ms are so many of a second. */
const FRAMES_PER_SECOND = 50
/** More than fit into Vonage's buffer, at a mark for each 200 ms. */
const MAX_PENDING_MARKS = 512

const known = new Set<string>(Object.values(callHeaders))

const startOf = (sampleRate: number, headers: { readonly [name: string]: string }): MediaStart => {
  const direction = headers[callHeaders.direction]
  const format = { encoding: "l16", sampleRate } as const
  return {
    streamId: "",
    callId: headers[callHeaders.callId] ?? "",
    from: headers[callHeaders.from],
    to: headers[callHeaders.to],
    direction: direction === "inbound" || direction === "outbound" ? direction : undefined,
    input: format,
    output: format,
    parameters: Object.fromEntries(Object.entries(headers).filter(([name]) => !known.has(name)))
  }
}

const open = (data: Uint8Array, isBinary: boolean): MediaOpening => {
  // audio may overtake the first message; nothing of it is lost that is of use
  if (isBinary) return { _tag: "More" }
  const message = VonageMessages.decode(data)
  if (typeof message === "string") return { _tag: "Invalid", reason: message }
  if (message._tag !== "Connected") return { _tag: "More" }
  const sampleRate = VonageMessages.rateOf(message.contentType)
  return sampleRate === undefined
    ? { _tag: "Invalid", reason: "expected audio/l16 at a rate of 8000, 16000 or 24000" }
    : { _tag: "Started", start: startOf(sampleRate, message.headers) }
}

const make = ({ input, output }: MediaStart): MediaCodec => {
  const frameSamples = output.sampleRate / FRAMES_PER_SECOND
  // Vonage answers no `notify` whose audio it has dropped: these are reported when it says that it has.
  let pending: Array<string> = []
  // of `pending`, how many came before the last `clear`
  let dropped = 0

  const onNotified = (name: string, listener: MediaListener): void => {
    const at = pending.indexOf(name)
    if (at === -1) return
    // what came before has been played as well
    const played = pending.splice(0, at + 1)
    dropped = Math.max(0, dropped - played.length)
    for (const mark of played) listener.mark(mark)
  }

  const onCleared = (listener: MediaListener): void => {
    const marks = pending.splice(0, dropped)
    dropped = 0
    for (const mark of marks) listener.mark(mark)
  }

  const onText = (data: Uint8Array, listener: MediaListener): void => {
    const message = VonageMessages.decode(data)
    if (typeof message === "string") return listener.malformed(message)
    switch (message._tag) {
      case "Connected":
        return listener.malformed("a second websocket:connected")
      case "Digit":
        return listener.digit(message.digit)
      case "Cleared":
        return onCleared(listener)
      case "Notified":
        return onNotified(message.name, listener)
      case "Other":
        return
    }
  }

  return {
    receive: (data, isBinary, samples, listener) => {
      if (!isBinary) {
        onText(data, listener)
        return CONTROL_MS
      }
      if (data.length % 2 === 1) listener.malformed("audio of an odd number of bytes: the last byte was dropped")
      const count = data.length >> 1
      if (count > samples.length) {
        listener.malformed("an audio message that is too long")
        return costOfAudio(msOf(count, input.sampleRate))
      }
      if (count > 0) listener.audio(Pcm.copyInt16(data, samples))
      return costOfAudio(msOf(count, input.sampleRate))
    },
    audio: (pcm) => {
      if (pcm.length === frameSamples) return Pcm.fromInt16(pcm)
      // only the end of an answer is shorter: silence makes it whole
      const whole = new Int16Array(Math.ceil(pcm.length / frameSamples) * frameSamples)
      whole.set(pcm)
      return Pcm.fromInt16(whole)
    },
    mark: (name) => {
      if (pending.length === MAX_PENDING_MARKS) {
        pending = pending.slice(1)
        dropped = Math.max(0, dropped - 1)
      }
      pending.push(name)
      return VonageMessages.notify(name)
    },
    clear: () => {
      dropped = pending.length
      return VonageMessages.CLEAR
    }
  }
}

/**
 * The protocol of Vonage's WebSocket, `vonage`.
 *
 * @category protocols
 * @since 0.1.0
 */
export const protocol: MediaProtocol = { name: "vonage", open, make }
