/**
 * The audio track of a WebRTC call: Opus both ways, the user's voice decoded and the agent's encoded.
 *
 * Synchronous, and driven by a 20 ms clock. It belongs to its peer, with which it is closed.
 *
 * @since 0.1.0
 */
import type { PeerConnection } from "node-datachannel"
import { randomBytes } from "node:crypto"
import * as Pcm from "../../audio/Pcm.ts"
import type { NativeRtc } from "./NativeRtc.ts"
import * as OpusRtp from "./OpusRtp.ts"
import { VoiceReceiver } from "./VoiceReceiver.ts"
import { VoiceSender } from "./VoiceSender.ts"

const BITRATE = 32_000
/** Encoding is half the cost of a call: 116 µs per frame at complexity 5, 166 µs at 10. */
const COMPLEXITY = 5
/** The packet loss that the encoder's forward error correction is tuned for. */
const EXPECTED_LOSS_PERCENT = 5

/**
 * The rates at which Opus encodes and decodes, in Hz.
 *
 * @category models
 * @since 0.1.0
 */
export type OpusRate = 8_000 | 12_000 | 16_000 | 24_000 | 48_000

/**
 * - `mid`, `payloadType`: of the offer's audio section.
 * - `inputSampleRate`, `outputSampleRate`: of the user's and the agent's voice, in Hz.
 * - `isOpen`: while it is `false`, what is to be sent stays queued.
 * - `takes`: while it is `false`, what is received is dropped.
 * - `audio`, `gap`, `sent`: as `VoiceReceiver` and `VoiceSender` have them.
 *
 * @category models
 * @since 0.1.0
 */
export interface VoiceTrackOptions {
  readonly mid: string
  readonly payloadType: number
  readonly inputSampleRate: OpusRate
  readonly outputSampleRate: OpusRate
  readonly isOpen: () => boolean
  readonly takes: () => boolean
  readonly audio: (pcm: Int16Array) => void
  readonly gap: (samples: number) => void
  readonly sent: ((epoch: number, untilMs: number, last: boolean) => void) | undefined
  readonly nowMs: () => number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface VoiceTrack {
  readonly sender: VoiceSender
  /** Called every 20 ms. Throws when the other side has closed the track. */
  readonly tick: () => void
}

/**
 * Adds a track to a peer, before the offer is applied: otherwise a browser gets no audio. Throws what native code throws.
 *
 * @category constructors
 * @since 0.1.0
 */
export const add = (
  peer: PeerConnection,
  { datachannel: nd, opus }: NativeRtc,
  { mid, nowMs, payloadType, ...options }: VoiceTrackOptions
): VoiceTrack => {
  const random = randomBytes(10)
  const ssrc = random.readUInt32BE(0)
  const decoder = new opus.Decoder({ channels: 1, sample_rate: options.inputSampleRate })
  const encoder = new opus.Encoder({ channels: 1, sample_rate: options.outputSampleRate, application: "voip" })
  encoder.bitrate = BITRATE
  encoder.complexity = COMPLEXITY
  encoder.inband_fec = true
  encoder.packet_loss = EXPECTED_LOSS_PERCENT

  const media = new nd.Audio(mid, "SendRecv")
  media.addOpusCodec(payloadType, "minptime=10;useinbandfec=1")
  media.addSSRC(ssrc, "agent", "agent", "agent-audio")
  const track = peer.addTrack(media)
  const reporter = new nd.RtcpSrReporter(new nd.RtpPacketizationConfig(ssrc, "agent", payloadType, 48_000))
  reporter.addToChain(new nd.RtcpReceivingSession())
  track.setMediaHandler(reporter)

  const receiver = new VoiceReceiver({
    sampleRate: options.inputSampleRate,
    decode: (payload) => decoder.decode(payload),
    audio: options.audio,
    gap: options.gap
  })
  const sender = new VoiceSender({
    sampleRate: options.outputSampleRate,
    payloadType,
    ssrc,
    sequence: random.readUInt16BE(4),
    timestamp: random.readUInt32BE(6),
    encode: (pcm) => encoder.encode(Pcm.fromInt16(pcm)),
    transmit: (packet) => {
      track.sendMessageBinary(packet)
    },
    sent: options.sent,
    isOpen: () => options.isOpen() && track.isOpen()
  })
  track.onMessage((bytes) => {
    if (!options.takes()) return
    const packet = OpusRtp.parse(bytes)
    if (packet?.payloadType === payloadType) receiver.push(packet, nowMs())
  })
  return {
    sender,
    tick: () => {
      receiver.tick()
      sender.tick()
    }
  }
}
