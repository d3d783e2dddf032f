/**
 * The audio in the messages of the OpenAI Realtime protocol, in base64: 16-bit linear PCM at 24 kHz, or G.711 at 8 kHz, which is
 * converted.
 *
 * A client may choose another format at any time, and the rates of a connection are fixed when it is made: it has 24 kHz.
 *
 * @since 0.1.0
 */
import { msOf } from "../../audio/AudioFormat.ts"
import { DownToTelephone, UpFromTelephone } from "../../audio/resampling/TelephoneRate.ts"
import type { FrameListener } from "../../transport/websocket/WebSocketProtocol.ts"
import * as Payload from "../media-streams/Payload.ts"
import type { MediaFormat } from "../MediaProtocol.ts"
import { invalid, type OpenAiFault } from "./Errors.ts"
import type { AudioFormat } from "./RealtimeSession.ts"

/** The rate of the connection, in Hz. */
const SAMPLE_RATE = 24_000

/** The samples of a message are valid during its call only, and messages are decoded one at a time: all connections share the room. */
const decoded = new Int16Array(Payload.MAX_PAYLOAD_BYTES)
const converted = new Int16Array(Payload.MAX_PAYLOAD_BYTES)

/** So much base64 of PCM is decoded at once, and of G.711, which becomes six times as long: whole samples and whole bytes of both. */
const PCM_SLICE = Payload.MAX_PAYLOAD_BYTES / 3 * 4
const G711_SLICE = Payload.MAX_PAYLOAD_BYTES / 9 * 4 & ~3

const formats: { readonly [Type in AudioFormat["type"]]: MediaFormat } = {
  "audio/pcm": { encoding: "l16", sampleRate: SAMPLE_RATE },
  "audio/pcmu": { encoding: "mulaw", sampleRate: 8_000 },
  "audio/pcma": { encoding: "alaw", sampleRate: 8_000 }
}

/**
 * @category models
 * @since 0.1.0
 */
export class RealtimeAudio {
  #samples = 0
  #committed = 0
  #up: UpFromTelephone | undefined
  #down: DownToTelephone | undefined

  /** How much audio has come, in ms. */
  get inputMs(): number {
    return msOf(this.#samples, SAMPLE_RATE)
  }

  /** How much has come since the last turn was ended or dropped, in ms. */
  get bufferedMs(): number {
    return msOf(this.#samples - this.#committed, SAMPLE_RATE)
  }

  clearBuffer(): void {
    this.#committed = this.#samples
  }

  /** Decodes audio, and passes it on. */
  receive(text: string, { type }: AudioFormat, listener: FrameListener): OpenAiFault | undefined {
    const size = type === "audio/pcm" ? PCM_SLICE : G711_SLICE
    for (let at = 0; at < text.length; at += size) {
      const count = Payload.decode(text.length <= size ? text : text.slice(at, at + size), formats[type], decoded)
      if (typeof count === "string") return invalid("invalid_value", `Invalid 'audio': ${count}.`, "audio")
      const samples = decoded.subarray(0, count)
      const audio = type === "audio/pcm" ? samples : this.#raise(samples)
      this.#samples += audio.length
      listener.audio(audio)
    }
    return undefined
  }

  /** Encodes audio of the connection's rate for the client. */
  encode(audio: Int16Array, { type }: AudioFormat): string {
    if (type === "audio/pcm") return Payload.encode(audio, formats[type])
    this.#down ??= new DownToTelephone()
    // longer audio than fits is not sent in one message
    const count = this.#down.process(audio.subarray(0, converted.length), converted)
    return Payload.encode(converted.subarray(0, count), formats[type])
  }

  #raise(samples: Int16Array): Int16Array {
    this.#up ??= new UpFromTelephone()
    return converted.subarray(0, this.#up.process(samples, converted))
  }
}
