import { Decoder, Encoder } from "@evan/opus"
import { Deferred, Effect, Queue } from "effect"
import type { Scope } from "effect"
import * as nd from "node-datachannel"
import * as MediaClock from "../../src/transport/MediaClock.ts"
import * as OpusRtp from "../../src/transport/webrtc/OpusRtp.ts"

export interface RtcUser {
  readonly offer: string
  readonly answer: (sdp: string) => Effect.Effect<void>
  readonly connected: Effect.Effect<void>
  readonly closed: Effect.Effect<void>
  /** Speaks in real time: 16 kHz mono. */
  readonly speak: (pcm: Int16Array) => Effect.Effect<void>
  /** Sends one frame of 20 ms, 16 kHz mono, now. */
  readonly sendFrame: (pcm: Int16Array) => void
  /** Called with each packet of the agent's audio as it arrives. */
  readonly onPacket: (on: (packet: OpusRtp.RtpPacket) => void) => void
  /** Everything heard so far, 16 kHz mono, without the pauses between packets. */
  readonly heard: () => Int16Array
  readonly packets: Array<OpusRtp.RtpPacket>
  readonly send: (text: string) => void
  readonly event: Effect.Effect<string>
  readonly channelOpen: Effect.Effect<void>
  readonly close: () => void
}

/** Stands in for a browser: a peer on loopback that makes an offer with one audio track and a data channel of this label. */
export const withChannel = Effect.fnUntraced(function*(label: string): Effect.fn.Return<RtcUser, never, Scope.Scope> {
  const clock = yield* MediaClock.make
  const connected = yield* Deferred.make<void>()
  const closed = yield* Deferred.make<void>()
  const channelOpen = yield* Deferred.make<void>()
  const events = yield* Queue.unbounded<string>()
  const peer = yield* Effect.acquireRelease(
    Effect.sync(() =>
      new nd.PeerConnection("user", { iceServers: [], bindAddress: "127.0.0.1", disableAutoNegotiation: true })
    ),
    (peer) => Effect.sync(() => peer.close())
  )
  const ssrc = 4_242
  const payloadType = 96
  const media = new nd.Audio("voice", "SendRecv")
  media.addOpusCodec(payloadType)
  media.addSSRC(ssrc, "user", "user", "user-audio")
  const track = peer.addTrack(media)
  const session = new nd.RtcpReceivingSession()
  track.setMediaHandler(session)
  const decoder = new Decoder({ channels: 1, sample_rate: 16_000 })
  const encoder = new Encoder({ channels: 1, sample_rate: 16_000, application: "voip" })
  encoder.bitrate = 32_000
  const packets: Array<OpusRtp.RtpPacket> = []
  let listener: ((packet: OpusRtp.RtpPacket) => void) | undefined
  track.onMessage((bytes) => {
    const packet = OpusRtp.parse(bytes)
    if (packet?.payloadType !== payloadType) return
    packets.push(packet)
    listener?.(packet)
  })
  peer.onStateChange((state) => {
    if (state === "connected") Deferred.doneUnsafe(connected, Effect.void)
    if (state === "closed" || state === "failed" || state === "disconnected") {
      Deferred.doneUnsafe(closed, Effect.void)
    }
  })
  const channel = peer.createDataChannel(label)
  channel.onOpen(() => Deferred.doneUnsafe(channelOpen, Effect.void))
  channel.onMessage((message) => {
    if (typeof message === "string") Queue.offerUnsafe(events, message)
  })
  yield* Effect.callback<void>((resume) => {
    peer.onGatheringStateChange((state) => {
      if (state === "complete") resume(Effect.void)
    })
    peer.setLocalDescription("offer")
  })

  let sequence = 65_530
  let timestamp = 4_294_960_000
  const sendFrame = (frame: Int16Array): void => {
    sequence = (sequence + 1) & 0xffff
    timestamp = (timestamp + 960) >>> 0
    const payload = encoder.encode(new Uint8Array(frame.buffer))
    if (!track.isOpen()) return
    track.sendMessageBinary(OpusRtp.build({ payloadType, marker: false, sequence, timestamp, ssrc, payload }))
  }
  return {
    // Without our addresses, or the server's checks might come before its answer, which libdatachannel does not survive.
    offer: (peer.localDescription()?.sdp ?? "").replace(/^a=candidate:.*\r\n/gm, ""),
    answer: (sdp) => Effect.sync(() => peer.setRemoteDescription(sdp, "answer")),
    connected: Deferred.await(connected),
    closed: Deferred.await(closed),
    speak: (pcm) =>
      Effect.callback<void>((resume) => {
        let at = 0
        const stop = clock.add(() => {
          if (at + 320 > pcm.length) {
            stop()
            return resume(Effect.void)
          }
          const frame = pcm.slice(at, at + 320)
          at += 320
          sendFrame(frame)
        })
        return Effect.sync(stop)
      }),
    sendFrame,
    onPacket: (on) => {
      listener = on
    },
    heard: () => {
      const out: Array<number> = []
      for (const packet of packets) {
        const bytes = decoder.decode(packet.payload)
        out.push(...new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)))
      }
      return Int16Array.from(out)
    },
    packets,
    send: (text) => {
      channel.sendMessage(text)
    },
    event: Queue.take(events),
    channelOpen: Deferred.await(channelOpen),
    close: () => peer.close()
  }
})

/** One with the events channel. */
export const make: Effect.Effect<RtcUser, never, Scope.Scope> = withChannel("events")

/** The best normalised correlation of a short recording within a longer one, looked for at 4 kHz. */
export const correlation = (needle: Int16Array, hay: Int16Array): number => {
  const thin = (pcm: Int16Array) =>
    Float64Array.from({ length: Math.floor(pcm.length / 4) }, (_, i) => {
      return (pcm[4 * i]! + pcm[4 * i + 1]! + pcm[4 * i + 2]! + pcm[4 * i + 3]!) / 4
    })
  const a = thin(needle)
  const b = thin(hay)
  const powerA = a.reduce((sum, each) => sum + each * each, 0)
  let best = 0
  for (let lag = 0; lag + a.length <= b.length; lag++) {
    let dot = 0
    let powerB = 0
    for (let i = 0; i < a.length; i++) {
      dot += a[i]! * b[lag + i]!
      powerB += b[lag + i]! * b[lag + i]!
    }
    best = Math.max(best, dot / Math.sqrt(powerA * powerB || 1))
  }
  return best
}
