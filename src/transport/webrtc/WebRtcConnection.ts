/**
 * A user on WebRTC: Opus both ways, and the WebSocket's JSON over a data channel named `events` that the client creates.
 *
 * The native packages (`node-datachannel`, `@evan/opus`) are loaded when the first offer arrives. A peer lives in the
 * scope that `accept` was given; callbacks of native code after its end have no effect.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { PeerConnection, RtcConfig } from "node-datachannel"
import { randomBytes } from "node:crypto"
import * as Pcm from "../../audio/Pcm.ts"
import { type BackendError, ConnectionFailed, ConnectionTimeout, describe, InvalidConfig } from "../../BackendError.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import * as ClientMessage from "../../session/ClientMessage.ts"
import type { ConnectionClose, UserConnection } from "../../session/UserConnection.ts"
import { Inbox, nextId } from "../Inbox.ts"
import * as MediaClock from "../MediaClock.ts"
import * as DisconnectWatch from "./DisconnectWatch.ts"
import { EventsChannel } from "./EventsChannel.ts"
import * as NativeRtc from "./NativeRtc.ts"
import * as OpusRtp from "./OpusRtp.ts"
import * as Sdp from "./Sdp.ts"
import { VoiceReceiver } from "./VoiceReceiver.ts"
import { VoiceSender } from "./VoiceSender.ts"

/**
 * The decoder's output: 16 kHz, what speech recognition takes. Opus decodes to it without a resampler.
 *
 * @category constants
 * @since 0.1.0
 */
export const INPUT_SAMPLE_RATE = 16_000

/**
 * The encoder's input: 24 kHz.
 *
 * @category constants
 * @since 0.1.0
 */
export const OUTPUT_SAMPLE_RATE = 24_000

const op = "WebRtcConnection.accept"
const GATHER_TIMEOUT = Duration.seconds(3)
const OPEN_TIMEOUT = Duration.seconds(15)
const DISCONNECTED_GRACE = Duration.seconds(5)
/** How long SCTP may need to deliver the last event. */
const FLUSH_MS = 100
const BITRATE = 32_000
/** Encoding is half the cost of a call: 116 µs per frame at complexity 5, 166 µs at 10. */
const COMPLEXITY = 5
/** The packet loss that the encoder's forward error correction is tuned for. */
const EXPECTED_LOSS_PERCENT = 5

/**
 * A TURN server: host, port, and the account there. `relayType` is how it is reached; default: over UDP.
 *
 * It is ours because declarations of the package must not name one that may be missing.
 *
 * @category models
 * @since 0.1.0
 */
export interface TurnServer {
  readonly hostname: string
  readonly port: number
  readonly username?: string
  readonly password?: string
  readonly relayType?: "TurnUdp" | "TurnTcp" | "TurnTls"
}

/**
 * @category models
 * @since 0.1.0
 */
export interface WebRtcOptions {
  /** STUN and TURN servers that this side uses. Default: none. */
  readonly iceServers?: ReadonlyArray<string | TurnServer> | undefined
  /** The local address for UDP. Default: all. */
  readonly bindAddress?: string | undefined
  /** The UDP ports, both included. Default: any. */
  readonly portRange?: { readonly begin: number; readonly end: number } | undefined
  /** The public address of a 1:1 NAT, announced in place of the local one. */
  readonly announce?: string | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface AcceptedPeer {
  readonly connection: UserConnection
  /** The SDP for the user's side. */
  readonly answer: string
  /** Completes when media can flow; fails `connection_timeout` after 15 s, or `connection_failed`. */
  readonly opened: Effect.Effect<void, BackendError>
  /** Completes when the peer is closed. */
  readonly closed: Effect.Effect<void>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface WebRtc {
  /**
   * Answers an offer. Fails `invalid_config` when the offer is invalid or a package is missing (`details.missing`),
   * `connection_failed` when no network address can be used. The peer is closed with the scope.
   */
  readonly accept: (offer: string) => Effect.Effect<AcceptedPeer, BackendError, Scope.Scope>
  /** How many peers are open. */
  readonly size: () => number
}

/**
 * Makes the WebRTC transport; its scope holds the 20 ms clock that all its links share.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: WebRtcOptions = {}
): Effect.fn.Return<WebRtc, never, Scope.Scope> {
  const natives = yield* NativeRtc.claim
  const mediaClock = yield* MediaClock.make
  const clock = yield* Clock.Clock
  const nowMs = () => MonotonicTime.nowMs(clock)
  const config: RtcConfig = {
    iceServers: [...options.iceServers ?? []],
    disableAutoNegotiation: true,
    maxMessageSize: ClientMessage.MAX_MESSAGE_BYTES,
    ...(options.bindAddress === undefined ? {} : { bindAddress: options.bindAddress }),
    ...(options.portRange === undefined
      ? {}
      : { portRangeBegin: options.portRange.begin, portRangeEnd: options.portRange.end })
  }

  const accept = Effect.fnUntraced(function*(
    offerText: string
  ): Effect.fn.Return<AcceptedPeer, BackendError, Scope.Scope> {
    const inspected = Sdp.inspect(offerText)
    if (Result.isFailure(inspected)) return yield* new InvalidConfig({ op, message: inspected.failure })
    const offer = inspected.success
    const { datachannel: nd, opus } = yield* natives

    const id = nextId("webrtc")
    const inbox = new Inbox(INPUT_SAMPLE_RATE)
    const opened = yield* Deferred.make<void, BackendError>()
    const closed = yield* Deferred.make<void>()
    const disconnect = yield* DisconnectWatch.make(DISCONNECTED_GRACE)
    let state = "new"
    let stop = () => {}

    const peer: PeerConnection = yield* Effect.acquireRelease(
      Effect.try({
        try: () => new nd.PeerConnection(id, config),
        catch: (cause) =>
          new ConnectionFailed({ op, message: `the WebRTC peer could not be created: ${describe(cause)}`, cause })
      }),
      (made) => Effect.sync(() => end("server_closed", made))
    )
    const end = (reason: string, self: PeerConnection = peer): void => {
      inbox.closed(reason)
      if (Deferred.isDoneUnsafe(closed)) return
      state = "closed"
      stop()
      Deferred.doneUnsafe(closed, Effect.void)
      Deferred.doneUnsafe(
        opened,
        Effect.fail(new ConnectionFailed({ op, message: `the WebRTC peer was closed: ${reason}` }))
      )
      try {
        self.close()
      } catch {
        // It was closed already.
      }
    }

    const random = randomBytes(10)
    const ssrc = random.readUInt32BE(0)
    const decoder = new opus.Decoder({ channels: 1, sample_rate: INPUT_SAMPLE_RATE })
    const encoder = new opus.Encoder({ channels: 1, sample_rate: OUTPUT_SAMPLE_RATE, application: "voip" })
    encoder.bitrate = BITRATE
    encoder.complexity = COMPLEXITY
    encoder.inband_fec = true
    encoder.packet_loss = EXPECTED_LOSS_PERCENT

    // The track and its SSRC must exist before the offer is applied, or the browser gets no audio.
    const track = yield* attempt(() => {
      const media = new nd.Audio(offer.mid, "SendRecv")
      media.addOpusCodec(offer.payloadType, "minptime=10;useinbandfec=1")
      media.addSSRC(ssrc, "agent", "agent", "agent-audio")
      const track = peer.addTrack(media)
      const reporter = new nd.RtcpSrReporter(
        new nd.RtpPacketizationConfig(ssrc, "agent", offer.payloadType, 48_000)
      )
      reporter.addToChain(new nd.RtcpReceivingSession())
      track.setMediaHandler(reporter)
      return track
    })

    const receiver = new VoiceReceiver({
      sampleRate: INPUT_SAMPLE_RATE,
      decode: (payload) => decoder.decode(payload),
      audio: (pcm) => inbox.audio(pcm),
      gap: (samples) => inbox.gap(samples)
    })
    const sender = new VoiceSender({
      sampleRate: OUTPUT_SAMPLE_RATE,
      payloadType: offer.payloadType,
      ssrc,
      sequence: random.readUInt16BE(4),
      timestamp: random.readUInt32BE(6),
      encode: (pcm) => encoder.encode(Pcm.fromInt16(pcm)),
      transmit: (packet) => {
        track.sendMessageBinary(packet)
      },
      isOpen: () => state === "connected" && track.isOpen()
    })
    stop = mediaClock.add(() => {
      try {
        receiver.tick()
        sender.tick()
      } catch {
        // The track was closed by the other side in the meantime.
        end("connection_lost")
      }
      if (inbox.defect !== undefined) end("failed")
    })
    track.onMessage((bytes) => {
      if (inbox.endReason !== undefined) return
      const packet = OpusRtp.parse(bytes)
      if (packet?.payloadType === offer.payloadType) receiver.push(packet, nowMs())
    })

    const events = new EventsChannel(inbox, end, nowMs)
    peer.onDataChannel((channel) => events.accept(channel))

    peer.onStateChange((next) => {
      if (state === "closed") return
      state = next
      switch (next) {
        case "connected":
          disconnect.connected()
          Deferred.doneUnsafe(opened, Effect.void)
          break
        case "disconnected":
          disconnect.disconnected()
          break
        case "failed":
          end("connection_lost")
          break
        case "closed":
          end("client_closed")
      }
    })

    const gatheringComplete = Effect.callback<void>((resume) => {
      if (peer.gatheringState() === "complete") return resume(Effect.void)
      peer.onGatheringStateChange((gathering) => {
        if (gathering === "complete") resume(Effect.void)
      })
    })
    yield* attempt(() => {
      peer.setRemoteDescription(offer.sdp, "offer")
      peer.setLocalDescription("answer")
    })
    yield* Effect.timeoutOption(gatheringComplete, GATHER_TIMEOUT)
    const answer = peer.localDescription()?.sdp
    if (answer === undefined || !answer.includes("a=candidate:")) {
      return yield* new ConnectionFailed({
        op,
        message: "no usable network address for media; check bind_address and udp_port_range"
      })
    }

    // Ends a peer that never connects, and one that stays disconnected.
    yield* Effect.gen(function*() {
      yield* Effect.timeoutOrElse(Deferred.await(opened), {
        duration: OPEN_TIMEOUT,
        orElse: () => {
          const error = new ConnectionTimeout({
            op,
            message: "no media path was found within 15 s; a firewall may block UDP"
          })
          Deferred.doneUnsafe(opened, Effect.fail(error))
          return Effect.sync(() => end("connection_timeout"))
        }
      })
      yield* disconnect.lost
      end("connection_lost")
    }).pipe(Effect.ignore, Effect.race(Deferred.await(closed)), Effect.forkScoped)

    const connection: UserConnection = {
      id,
      transport: "webrtc",
      format: { input: { sampleRate: INPUT_SAMPLE_RATE }, output: { sampleRate: OUTPUT_SAMPLE_RATE } },
      listen: (listener) => inbox.listen(listener),
      send: (frame) => inbox.endReason === undefined && sender.push(frame),
      clear: () => sender.clear(),
      notify: (event) => {
        if (inbox.endReason === undefined) events.send(event)
      },
      close: Effect.fnUntraced(function*(reason: ConnectionClose) {
        inbox.closed(reason)
        if (Deferred.isDoneUnsafe(closed)) return
        // The last words and the last event are still delivered when the session has ended.
        if (reason !== "session_ended") sender.clear()
        yield* Deferred.await(closed).pipe(Effect.timeoutOption(Duration.millis(sender.queuedMs + FLUSH_MS)))
        end(reason)
      })
    }
    return {
      connection,
      answer: options.announce === undefined ? answer : Sdp.announce(answer, options.announce),
      opened: Deferred.await(opened),
      closed: Deferred.await(closed)
    }
  })

  return { accept, size: mediaClock.size }
})

const attempt = <A>(use: () => A): Effect.Effect<A, InvalidConfig> =>
  Effect.try({
    try: use,
    catch: (cause) => new InvalidConfig({ op, message: `the offer cannot be answered: ${describe(cause)}`, cause })
  })
