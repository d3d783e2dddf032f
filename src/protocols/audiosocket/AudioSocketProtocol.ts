/**
 * The media stream of Asterisk's AudioSocket: the dialplan's `AudioSocket(uuid,host:port)` or `Dial(AudioSocket/host:port/uuid)`
 * makes Asterisk connect to a TCP port of ours. Any Asterisk since 18 has it; `chan_websocket` does more.
 *
 * A message is a frame of `AudioSocketFrames`. Audio is signed linear, little-endian. What was sent cannot be taken back and
 * nothing says what was played, so that audio is sent just before it is due. All that it tells of the call is a UUID.
 *
 * https://docs.asterisk.org/Configuration/Channel-Drivers/AudioSocket
 *
 * @since 0.1.0
 */
import { msOf } from "../../audio/AudioFormat.ts"
import * as Pcm from "../../audio/Pcm.ts"
import { costOf, costOfAudio } from "../../session/FloodLimit.ts"
import type { MediaCodec, MediaListener, MediaOpening, MediaProtocol, MediaStart } from "../MediaProtocol.ts"
import { AUDIO_RATES, encode, HEADER_BYTES, Kind } from "./AudioSocketFrames.ts"

const CONTROL_MS = costOf({ _tag: "Unknown", type: "" })
const FRAMES_PER_SECOND = 50
const ID_BYTES = 16
const DIGIT = /^[0-9*#A-D]$/u

/** Asterisk plays what comes at once; more than this would be heard after an interruption. */
const LEAD_MS = 60

const uuidOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/u, "$1-$2-$3-$4-$5")

const openAt = (sampleRate: number) => (data: Uint8Array): MediaOpening => {
  if (data[0] !== Kind.ID || data.length !== HEADER_BYTES + ID_BYTES) {
    return { _tag: "Invalid", reason: "expected the UUID of the call first" }
  }
  const callId = uuidOf(data.subarray(HEADER_BYTES))
  const format = { encoding: "l16", sampleRate } as const
  return { _tag: "Started", start: { streamId: callId, callId, input: format, output: format, parameters: {} } }
}

const make = ({ output }: MediaStart): MediaCodec => {
  const { sampleRate } = output
  const audioKind = Kind.AUDIO + AUDIO_RATES.indexOf(sampleRate)
  const frameSamples = sampleRate / FRAMES_PER_SECOND

  const onAudio = (payload: Uint8Array, samples: Int16Array, listener: MediaListener): number => {
    if (payload.length % 2 === 1) listener.malformed("audio of an odd number of bytes: the last byte was dropped")
    const count = payload.length >> 1
    if (count > samples.length) listener.malformed("an audio frame that is too long")
    else if (count > 0) listener.audio(Pcm.copyInt16(payload, samples))
    return costOfAudio(msOf(count, sampleRate))
  }

  const onControl = (kind: number | undefined, payload: Uint8Array, listener: MediaListener): void => {
    switch (kind) {
      case Kind.HANG_UP:
        return listener.stopped("Asterisk has hung up")
      case Kind.DTMF: {
        const digit = String.fromCodePoint(payload[0] ?? 0).toUpperCase()
        return payload.length === 1 && DIGIT.test(digit)
          ? listener.digit(digit)
          : listener.malformed("a DTMF frame without a key of the keypad")
      }
      case Kind.ID:
        return listener.malformed("a second UUID")
      case Kind.ERROR:
        return listener.malformed("Asterisk has reported an error")
      default:
        return listener.malformed(
          kind !== undefined && kind >= Kind.AUDIO && kind < Kind.AUDIO + AUDIO_RATES.length
            ? `audio of ${AUDIO_RATES[kind - Kind.AUDIO]} Hz instead of ${sampleRate}: the dialplan's codec is another`
            : "a frame of an unknown kind"
        )
    }
  }

  return {
    receive: (data, _, samples, listener) => {
      const payload = data.subarray(HEADER_BYTES)
      if (data[0] === audioKind) return onAudio(payload, samples, listener)
      onControl(data[0], payload, listener)
      return CONTROL_MS
    },
    audio: (pcm) => {
      if (pcm.length === frameSamples) return encode(audioKind, Pcm.fromInt16(pcm))
      // a shorter frame is played at once, and the next comes too late: silence makes it whole
      const whole = new Int16Array(Math.max(1, Math.ceil(pcm.length / frameSamples)) * frameSamples)
      whole.set(pcm)
      return encode(audioKind, Pcm.fromInt16(whole))
    },
    hangUp: () => encode(Kind.HANG_UP, new Uint8Array(0))
  }
}

/**
 * The protocol of AudioSocket, `audiosocket`, at a rate of `AUDIO_RATES`: 8 kHz for the application `AudioSocket()`, that of the
 * codec for `Dial(AudioSocket/…/c(slin16))`. The stream does not say it before the first audio.
 *
 * @category protocols
 * @since 0.1.0
 */
export const protocolAt = (sampleRate: number): MediaProtocol => ({
  name: "audiosocket",
  leadMs: LEAD_MS,
  open: openAt(sampleRate),
  make
})
