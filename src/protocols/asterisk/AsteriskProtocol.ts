/**
 * The media stream of Asterisk's WebSocket channel (`chan_websocket`; Asterisk 20.16, 22.6, 23 and later, JSON control since
 * 20.18, 22.8 and 23.2): the dialplan's `Dial(WebSocket/…)` or ARI's `externalMedia` makes Asterisk connect to our WebSocket.
 *
 * Audio is binary, in the codec that the dialplan asks for: `ulaw`, `alaw` or signed linear of 8 to 48 kHz, little-endian.
 * Asterisk plays it at the speed of speech and keeps up to 20 s of it; marks lie in its queue behind the audio, and a flush drops
 * both.
 *
 * https://docs.asterisk.org/Configuration/Channel-Drivers/WebSocket
 *
 * @since 0.1.0
 */
import { msOf } from "../../audio/AudioFormat.ts"
import * as G711 from "../../audio/G711.ts"
import * as Pcm from "../../audio/Pcm.ts"
import { costOf, costOfAudio } from "../../session/FloodLimit.ts"
import type {
  MediaCodec,
  MediaFormat,
  MediaListener,
  MediaOpening,
  MediaProtocol,
  MediaStart
} from "../MediaProtocol.ts"
import * as AsteriskMessages from "./AsteriskMessages.ts"

/**
 * A start that also tells how control messages are written.
 *
 * @category models
 * @since 0.1.0
 */
export interface AsteriskStart extends MediaStart {
  readonly controlFormat: AsteriskMessages.ControlFormat
}

/** As Asterisk names them; the rates above 48 kHz are nothing for speech. */
const formats: { readonly [name: string]: MediaFormat } = {
  ulaw: { encoding: "mulaw", sampleRate: 8_000 },
  alaw: { encoding: "alaw", sampleRate: 8_000 },
  slin: { encoding: "l16", sampleRate: 8_000 },
  slin12: { encoding: "l16", sampleRate: 12_000 },
  slin16: { encoding: "l16", sampleRate: 16_000 },
  slin24: { encoding: "l16", sampleRate: 24_000 },
  slin32: { encoding: "l16", sampleRate: 32_000 },
  slin44: { encoding: "l16", sampleRate: 44_100 },
  slin48: { encoding: "l16", sampleRate: 48_000 }
}

const CONTROL_MS = costOf({ _tag: "Unknown", type: "" })
/** 20 ms are so many of a second; every format of the table has frames of this length. */
const FRAMES_PER_SECOND = 50
/** More than fit into Asterisk's queue, at a mark for each 20 ms. */
const MAX_PENDING_MARKS = 1_024

const frameBytesOf = ({ encoding, sampleRate }: MediaFormat): number =>
  sampleRate / FRAMES_PER_SECOND * (encoding === "l16" ? 2 : 1)

const startOf = (message: Extract<AsteriskMessages.AsteriskMessage, { readonly _tag: "Started" }>): MediaOpening => {
  const format = Object.hasOwn(formats, message.format) ? formats[message.format] : undefined
  if (format === undefined) {
    return { _tag: "Invalid", reason: `expected one of the codecs ${Object.keys(formats).join(", ")}` }
  }
  if (frameBytesOf(format) !== message.frameBytes) return { _tag: "Invalid", reason: "expected frames of 20 ms" }
  const start: AsteriskStart = {
    streamId: message.channelId,
    callId: message.channelId,
    input: format,
    output: format,
    parameters: message.variables,
    controlFormat: message.controlFormat
  }
  return { _tag: "Started", start }
}

const open = (data: Uint8Array, isBinary: boolean): MediaOpening => {
  if (isBinary) return { _tag: "Invalid", reason: "audio before MEDIA_START" }
  const message = AsteriskMessages.decode(data)
  if (typeof message === "string") return { _tag: "Invalid", reason: message }
  return message._tag === "Started" ? startOf(message) : { _tag: "More" }
}

const decoderOf = (format: MediaFormat) =>
  format.encoding === "l16" ? Pcm.copyInt16 : format.encoding === "mulaw" ? G711.decodeMuLaw : G711.decodeALaw

const encoderOf = (format: MediaFormat) =>
  format.encoding === "l16"
    ? Pcm.fromInt16
    : format.encoding === "mulaw"
    ? (pcm: Int16Array) => G711.encodeMuLaw(pcm)
    : (pcm: Int16Array) => G711.encodeALaw(pcm)

const make = (start: MediaStart): MediaCodec => {
  const { input, output } = start
  const control = "controlFormat" in start && start.controlFormat === "plain-text" ? "plain-text" : "json"
  const sampleBytes = input.encoding === "l16" ? 2 : 1
  const frameSamples = output.sampleRate / FRAMES_PER_SECOND
  const decode = decoderOf(input)
  const encode = encoderOf(output)
  // Their ids are numbers, so that a command stays short; Asterisk says nothing of those that a flush has dropped.
  let pending: Array<{ readonly id: number; readonly name: string }> = []
  let lastId = 0
  let flushedId = 0
  let isAccepting = true

  const report = (upTo: number, listener: MediaListener): void => {
    while (pending[0] !== undefined && pending[0].id <= upTo) {
      const mark = pending.shift()
      if (mark !== undefined) listener.mark(mark.name)
    }
  }

  const onText = (data: Uint8Array, listener: MediaListener): void => {
    const message = AsteriskMessages.decode(data)
    if (typeof message === "string") return listener.malformed(message)
    switch (message._tag) {
      case "Started":
        return listener.malformed("a second MEDIA_START")
      case "Digit":
        return listener.digit(message.digit)
      case "Marked":
        return report(Number(message.name), listener)
      case "Flow":
        isAccepting = message.isAccepting
        return
      case "Refused":
        return listener.malformed("Asterisk has refused a command")
      case "Other":
        return
    }
  }

  return {
    receive: (data, isBinary, samples, listener) => {
      // its first message after a flush: by now it has read the flush, or will before it plays the next frame
      report(flushedId, listener)
      if (!isBinary) {
        onText(data, listener)
        return CONTROL_MS
      }
      if (data.length % sampleBytes === 1) {
        listener.malformed("audio of an odd number of bytes: the last byte was dropped")
      }
      const count = Math.floor(data.length / sampleBytes)
      const cost = costOfAudio(msOf(count, input.sampleRate))
      if (count > samples.length) listener.malformed("an audio message that is too long")
      else if (count > 0) listener.audio(decode(data, samples))
      return cost
    },
    audio: (pcm) => {
      if (pcm.length > 0 && pcm.length % frameSamples === 0) return encode(pcm)
      // Asterisk drops what is shorter than a frame: only the end of an answer is, and silence makes it whole
      const whole = new Int16Array(Math.max(1, Math.ceil(pcm.length / frameSamples)) * frameSamples)
      whole.set(pcm)
      return encode(whole)
    },
    mark: (name) => {
      if (pending.length === MAX_PENDING_MARKS) pending = pending.slice(1)
      pending.push({ id: ++lastId, name })
      return AsteriskMessages.encode(control, "MARK_MEDIA", String(lastId))
    },
    clear: () => {
      flushedId = lastId
      // its queue is empty now; if it had been full, it says so itself as well
      isAccepting = true
      return AsteriskMessages.encode(control, "FLUSH_MEDIA")
    },
    hangUp: () => AsteriskMessages.encode(control, "HANGUP"),
    accepts: () => isAccepting
  }
}

/**
 * The protocol of Asterisk's WebSocket channel, `asterisk`. What the dialplan tells of the call comes in the URL's query, which
 * the provider adds to the parameters.
 *
 * @category protocols
 * @since 0.1.0
 */
export const protocol: MediaProtocol = {
  name: "asterisk",
  subprotocols: ["media"],
  // all of it can be taken back, and a busy moment of ours is not heard
  leadMs: 400,
  open,
  make
}
