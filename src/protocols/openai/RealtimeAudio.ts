/**
 * The audio in the messages of the OpenAI Realtime protocol: base64 of 16-bit linear PCM at 24 kHz.
 *
 * @since 0.1.0
 */
import { msOf } from "../../audio/AudioFormat.ts"
import type { FrameListener } from "../../transport/websocket/WebSocketProtocol.ts"
import * as Payload from "../media-streams/Payload.ts"
import type { MediaFormat } from "../MediaProtocol.ts"
import { invalid, type OpenAiFault } from "./Errors.ts"
import type { AudioFormat } from "./RealtimeSession.ts"

/** The samples of a message are valid during its call only, and messages are decoded one at a time: all connections share the room. */
const samples = new Int16Array(Payload.MAX_PAYLOAD_BYTES)

/** So much base64 is decoded at once: a whole number of bytes and samples. */
const SLICE_CHARACTERS = Payload.MAX_PAYLOAD_BYTES / 3 * 4

const SAMPLE_RATE = 24_000

const pcm: MediaFormat = { encoding: "l16", sampleRate: SAMPLE_RATE }

/**
 * @category models
 * @since 0.1.0
 */
export class RealtimeAudio {
  #samples = 0
  #committed = 0

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
  receive(text: string, _format: AudioFormat, listener: FrameListener): OpenAiFault | undefined {
    for (let at = 0; at < text.length; at += SLICE_CHARACTERS) {
      const slice = text.length <= SLICE_CHARACTERS ? text : text.slice(at, at + SLICE_CHARACTERS)
      const count = Payload.decode(slice, pcm, samples)
      if (typeof count === "string") {
        return invalid("invalid_value", `Invalid 'audio': ${count}.`, "audio")
      }
      this.#samples += count
      listener.audio(samples.subarray(0, count))
    }
    return undefined
  }

  /** Encodes audio for the client. */
  encode(audio: Int16Array, _format: AudioFormat): string {
    return Payload.encode(audio, pcm)
  }
}
