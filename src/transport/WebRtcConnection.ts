/**
 * A user on WebRTC: Opus both ways, and the WebSocket's JSON over a data channel named `events` that the client makes.
 *
 * The native packages (`node-datachannel`, `@evan/opus`) are loaded when the first offer comes. A peer lives in the scope
 * that `accept` was given; what native code still calls after its end is without effect.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { IceServer, PeerConnection, RtcConfig } from "node-datachannel"
import { randomBytes } from "node:crypto"
import * as Pcm from "../audio/Pcm.ts"
import { type BackendError, ConnectionFailed, ConnectionTimeout, describe, InvalidConfig } from "../BackendError.ts"
import * as ClientMessage from "../session/ClientMessage.ts"
import * as SessionEvent from "../session/SessionEvent.ts"
import type { ConnectionClose, UserConnection } from "../session/UserConnection.ts"
import { EventsChannel } from "./EventsChannel.ts"
import { Inbox, nextId } from "./Inbox.ts"
import * as MediaClock from "./MediaClock.ts"
import * as NativeRtc from "./NativeRtc.ts"
import * as OpusRtp from "./OpusRtp.ts"
import * as Sdp from "./Sdp.ts"
import { VoiceReceiver } from "./VoiceReceiver.ts"
import { VoiceSender } from "./VoiceSender.ts"

/**
 * What the decoder is asked for: 16 kHz, what speech recognition takes. Opus decodes to it without a resampler.
 *
 * @category constants
 * @since 0.1.0
 */
export const INPUT_SAMPLE_RATE = 16_000

/**
 * What the encoder takes: 24 kHz.
 *
 * @category constants
 * @since 0.1.0
 */
export const OUTPUT_SAMPLE_RATE = 24_000

const op = "WebRtcConnection.accept"
const GATHER_TIMEOUT = Duration.seconds(3)
const OPEN_TIMEOUT = Duration.seconds(15)
const DISCONNECTED_GRACE = Duration.seconds(5)
/** What SCTP may need to deliver the last event. */
const FLUSH_MS = 100
const BITRATE = 32_000
/** Encoding is half the cost of a call: 116 µs at 5, 166 µs at 10 per frame. */
const COMPLEXITY = 5
/** How much the encoder's forward error correction provides for. */
const EXPECTED_LOSS_PERCENT = 5

/**
 * @category models
 * @since 0.1.0
 */
export interface WebRtcOptions {
  /** STUN and TURN servers that this side uses. Default: none. */
  readonly iceServers?: ReadonlyArray<string | IceServer> | undefined
  /** The local address for UDP. Default: all. */
  readonly bindAddress?: string | undefined
  /** The UDP ports, both included. Default: any. */
  readonly portRange?: { readonly begin: number; readonly end: number } | undefined
  /** The public address of a 1:1 NAT, told instead of our own. */
  readonly announce?: string | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Accepted {
  readonly connection: UserConnection
  /** The SDP for the user's side. */
  readonly answer: string
  /** Ends when media can flow; fails `connection_timeout` after 15 s, or `connection_failed`. */
  readonly opened: Effect.Effect<void, BackendError>
  /** Ends when the link is gone. */
  readonly gone: Effect.Effect<void>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface WebRtc {
  /**
   * Answers an offer. Fails `invalid_config` when the offer makes no sense or a package is missing (`details.missing`),
   * `connection_failed` when no network address can be used. The peer ends with the scope.
   */
  readonly accept: (offer: string) => Effect.Effect<Accepted, BackendError, Scope.Scope>
  /** How many links are alive. */
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
  const nowMs = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
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
  ): Effect.fn.Return<Accepted, BackendError, Scope.Scope> {
    const inspected = Sdp.inspect(offerText)
    if (Result.isFailure(inspected)) return yield* new InvalidConfig({ op, message: inspected.failure })
    const offer = inspected.success
    const { datachannel: nd, opus } = yield* natives

    const id = nextId("webrtc")
    const inbox = new Inbox(INPUT_SAMPLE_RATE)
    const opened = yield* Deferred.make<void, BackendError>()
    const gone = yield* Deferred.make<void>()
    const interrupted = Latch.makeUnsafe(false)
    let state = "new"
    let stop = () => {}

    const peer: PeerConnection = yield* Effect.acquireRelease(
      Effect.try({
        try: () => new nd.PeerConnection(id, config),
        catch: (cause) => new ConnectionFailed({ op, message: `no WebRTC peer: ${describe(cause)}`, cause })
      }),
      (made) => Effect.sync(() => end("server_closed", made))
    )
    const end = (reason: string, self: PeerConnection = peer): void => {
      inbox.closed(reason)
      if (Deferred.isDoneUnsafe(gone)) return
      state = "closed"
      stop()
      Deferred.doneUnsafe(gone, Effect.void)
      Deferred.doneUnsafe(opened, Effect.fail(new ConnectionFailed({ op, message: `the peer is gone: ${reason}` })))
      try {
        self.close()
      } catch {
        // Already closed by itself.
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

    // The track and the answer's SSRC have to be there before the offer, or the browser gets no audio.
    const track = yield* native(() => {
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
        // The track was closed under our hands.
        end("connection_lost")
      }
      if (inbox.defect !== undefined) end("failed")
    })
    track.onMessage((bytes) => {
      if (inbox.ended !== undefined) return
      const packet = OpusRtp.parse(bytes)
      if (packet?.payloadType === offer.payloadType) receiver.push(packet, nowMs())
    })

    const events = new EventsChannel(inbox, end, nowMs)
    peer.onDataChannel((channel) => events.adopt(channel))

    peer.onStateChange((next) => {
      if (state === "closed") return
      state = next
      switch (next) {
        case "connected":
          interrupted.closeUnsafe()
          Deferred.doneUnsafe(opened, Effect.void)
          break
        case "disconnected":
          interrupted.openUnsafe()
          break
        case "failed":
          end("connection_lost")
          break
        case "closed":
          end("client_closed")
      }
    })

    const gathered = Effect.callback<void>((resume) => {
      if (peer.gatheringState() === "complete") return resume(Effect.void)
      peer.onGatheringStateChange((gathering) => {
        if (gathering === "complete") resume(Effect.void)
      })
    })
    yield* native(() => {
      peer.setRemoteDescription(offer.sdp, "offer")
      peer.setLocalDescription("answer")
    })
    yield* Effect.timeoutOption(gathered, GATHER_TIMEOUT)
    const answer = peer.localDescription()?.sdp
    if (answer === undefined || !answer.includes("a=candidate:")) {
      return yield* new ConnectionFailed({ op, message: "no network address could be used for media" })
    }

    // Watches the link from its answer to its end.
    yield* Effect.gen(function*() {
      yield* Effect.timeoutOrElse(Deferred.await(opened), {
        duration: OPEN_TIMEOUT,
        orElse: () => {
          const error = new ConnectionTimeout({ op, message: "no media path was found within 15 s" })
          Deferred.doneUnsafe(opened, Effect.fail(error))
          return Effect.sync(() => end("connection_timeout"))
        }
      })
      while (true) {
        yield* interrupted.await
        yield* Effect.sleep(DISCONNECTED_GRACE)
        if (state === "disconnected") end("connection_lost")
      }
    }).pipe(Effect.ignore, Effect.race(Deferred.await(gone)), Effect.forkScoped)

    const connection: UserConnection = {
      id,
      transport: "webrtc",
      format: { input: { sampleRate: INPUT_SAMPLE_RATE }, output: { sampleRate: OUTPUT_SAMPLE_RATE } },
      listen: (listener) => inbox.listen(listener),
      send: (frame) => inbox.ended === undefined && sender.push(frame),
      clear: () => sender.clear(),
      notify: (event) => {
        if (inbox.ended === undefined) events.send(SessionEvent.toJson(event))
      },
      close: Effect.fnUntraced(function*(reason: ConnectionClose) {
        inbox.closed(reason)
        if (Deferred.isDoneUnsafe(gone)) return
        // The last words and the last event still go out; nobody else's link waits for them.
        if (reason !== "session_ended") sender.clear()
        yield* Deferred.await(gone).pipe(Effect.timeoutOption(Duration.millis(sender.waitingMs + FLUSH_MS)))
        end(reason)
      })
    }
    return {
      connection,
      answer: options.announce === undefined ? answer : Sdp.announce(answer, options.announce),
      opened: Deferred.await(opened),
      gone: Deferred.await(gone)
    }
  })

  return { accept, size: mediaClock.size }
})

const native = <A>(use: () => A): Effect.Effect<A, InvalidConfig> =>
  Effect.try({
    try: use,
    catch: (cause) => new InvalidConfig({ op, message: `the offer cannot be answered: ${describe(cause)}`, cause })
  })
