/**
 * A user on WebRTC: Opus both ways, and a data channel that the client creates, whose messages a `ChannelProtocol` encodes and decodes.
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
import { type BackendError, ConnectionFailed, ConnectionTimeout, describe, InvalidConfig } from "../../BackendError.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import * as ClientMessage from "../../session/ClientMessage.ts"
import type { ConnectionClose, UserConnection } from "../../session/UserConnection.ts"
import { Inbox, nextId } from "../Inbox.ts"
import * as MediaClock from "../MediaClock.ts"
import * as ChannelProtocol from "./ChannelProtocol.ts"
import * as DisconnectWatch from "./DisconnectWatch.ts"
import { EventsChannel, LABEL } from "./EventsChannel.ts"
import * as NativeRtc from "./NativeRtc.ts"
import { Negotiation, type RemoteCandidate } from "./Negotiation.ts"
import * as Sdp from "./Sdp.ts"
import * as SdpAnswer from "./SdpAnswer.ts"
import * as VoiceTrack from "./VoiceTrack.ts"

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

const rates = { inputSampleRate: INPUT_SAMPLE_RATE, outputSampleRate: OUTPUT_SAMPLE_RATE } as const

const op = "WebRtcConnection.accept"
const GATHER_TIMEOUT = Duration.seconds(3)
const OPEN_TIMEOUT = Duration.seconds(15)
const DISCONNECTED_GRACE = Duration.seconds(5)
/** How long SCTP may need to deliver the last event. */
const FLUSH_MS = 100

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
  /**
   * Takes candidates that the user's side sends after its offer (trickle ICE), all or none; those of a closed peer are ignored. Fails
   * `invalid_config` when one is not valid, or when there are more than 40 in all.
   */
  readonly addCandidates: (candidates: ReadonlyArray<RemoteCandidate>) => Effect.Effect<void, InvalidConfig>
  /**
   * Answers a further offer of the same peer, such as one with more candidates; `undefined` when it has restarted ICE or changed its
   * voice, or is closed: then the offer is that of a new peer, to be given to `accept`. Fails `invalid_config` like `accept`.
   */
  readonly negotiateAgain: (offer: string) => Effect.Effect<string | undefined, InvalidConfig>
  /** Ends the session as if the client had. */
  readonly hangUp: Effect.Effect<void>
  /** Completes when media can flow; fails `connection_timeout` after 15 s, or `connection_failed`. */
  readonly opened: Effect.Effect<void, BackendError>
  /** Completes when the peer is closed. */
  readonly closed: Effect.Effect<void>
}

/**
 * - `protocol`: of the data channel. Default: `ChannelProtocol.native`.
 * - `label`: of the data channel that the client creates. Default: `events`.
 * - `maxMessageBytes`: the longest message that the client may send. Default: 64 KiB.
 * - `closeEndsSession`: whether a client that closes the peer has ended its session. Default: it may come back.
 *
 * @category models
 * @since 0.1.0
 */
export interface AcceptOptions {
  readonly protocol?: ChannelProtocol.MakeChannelProtocol | undefined
  readonly label?: string | undefined
  readonly maxMessageBytes?: number | undefined
  readonly closeEndsSession?: boolean | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface WebRtc {
  /**
   * Answers an offer; video in it is refused in the answer. Fails `invalid_config` when the offer is invalid or a package is missing
   * (`details.missing`), `connection_failed` when no network address can be used. The peer is closed with the scope.
   */
  readonly accept: (
    offer: string,
    options?: AcceptOptions
  ) => Effect.Effect<AcceptedPeer, BackendError, Scope.Scope>
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
  { announce, bindAddress, iceServers = [], portRange }: WebRtcOptions = {}
): Effect.fn.Return<WebRtc, never, Scope.Scope> {
  const natives = yield* NativeRtc.claim
  const mediaClock = yield* MediaClock.make
  const clock = yield* Clock.Clock
  const nowMs = () => MonotonicTime.nowMs(clock)
  const config: RtcConfig = {
    iceServers: [...iceServers],
    disableAutoNegotiation: true,
    ...(bindAddress === undefined ? {} : { bindAddress }),
    ...(portRange === undefined ? {} : { portRangeBegin: portRange.begin, portRangeEnd: portRange.end })
  }

  const accept = Effect.fnUntraced(function*(
    offerText: string,
    options: AcceptOptions = {}
  ): Effect.fn.Return<AcceptedPeer, BackendError, Scope.Scope> {
    const offer = yield* refused(() => Sdp.inspect(offerText))
    const native = yield* natives
    const maxMessageBytes = options.maxMessageBytes ?? ClientMessage.MAX_MESSAGE_BYTES

    const id = nextId("webrtc")
    const inbox = new Inbox(INPUT_SAMPLE_RATE)
    const opened = yield* Deferred.make<void, BackendError>()
    const closed = yield* Deferred.make<void>()
    const disconnect = yield* DisconnectWatch.make(DISCONNECTED_GRACE)
    let state = "new"
    let stop = () => {}

    const peer: PeerConnection = yield* Effect.acquireRelease(
      Effect.try({
        try: () => new native.datachannel.PeerConnection(id, { ...config, maxMessageSize: maxMessageBytes }),
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

    const events = new EventsChannel({
      label: options.label ?? LABEL,
      maxMessageBytes,
      protocol: (reply) => (options.protocol ?? ChannelProtocol.native)(rates, reply),
      inbox,
      onFailed: end,
      nowMs
    })
    const track = yield* attempt(() =>
      VoiceTrack.add(peer, native, {
        ...rates,
        mid: offer.mid,
        payloadType: offer.payloadType,
        isOpen: () => state === "connected",
        takes: () => inbox.endReason === undefined,
        audio: (pcm) => inbox.audio(pcm),
        gap: (samples) => inbox.gap(samples),
        sent: events.mark,
        nowMs
      })
    )
    stop = mediaClock.add(() => {
      try {
        track.tick()
      } catch {
        // The track was closed by the other side in the meantime.
        end("connection_lost")
      }
      if (inbox.defect !== undefined) end("failed")
    })
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
          if (options.closeEndsSession === true) inbox.message({ type: "session.end" })
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
    const local = peer.localDescription()?.sdp
    if (local === undefined || !local.includes("a=candidate:")) {
      return yield* new ConnectionFailed({
        op,
        message: "no usable network address for media; check bind_address and udp_port_range"
      })
    }

    const negotiation = new Negotiation(
      offer,
      announce === undefined ? local : SdpAnswer.announce(local, announce),
      (candidate) => {
        try {
          peer.addRemoteCandidate(candidate, offer.mid)
        } catch {
          // It was closed in the meantime, or cannot use it.
        }
      }
    )

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
      listen: (listener) => {
        inbox.listen(listener)
        events.listening()
      },
      send: (frame, epoch, positionMs) => inbox.endReason === undefined && track.sender.push(frame, epoch, positionMs),
      clear: () => {
        const droppedMs = track.sender.clear()
        if (inbox.endReason === undefined) events.clear()
        return droppedMs
      },
      notify: (event) => {
        if (inbox.endReason === undefined) events.send(event)
      },
      ...(events.callTool === undefined ? {} : { callTool: events.callTool }),
      close: Effect.fnUntraced(function*(reason: ConnectionClose) {
        inbox.closed(reason)
        if (Deferred.isDoneUnsafe(closed)) return
        // The last words and the last event are still delivered when the session has ended.
        if (reason === "session_ended") events.farewell()
        else track.sender.clear()
        yield* Deferred.await(closed).pipe(Effect.timeoutOption(Duration.millis(track.sender.queuedMs + FLUSH_MS)))
        end(reason)
      })
    }
    return {
      connection,
      answer: negotiation.answer,
      addCandidates: (candidates) =>
        Deferred.isDoneUnsafe(closed) ? Effect.void : refused(() => negotiation.add(candidates)),
      negotiateAgain: (text) =>
        Deferred.isDoneUnsafe(closed) ? Effect.undefined : refused(() => negotiation.again(text)),
      hangUp: Effect.sync(() => inbox.message({ type: "session.end" })),
      opened: Deferred.await(opened),
      closed: Deferred.await(closed)
    }
  })

  return { accept, size: mediaClock.size }
})

/** Fails `invalid_config` with what is wrong. */
const refused = <A>(use: () => Result.Result<A, string>): Effect.Effect<A, InvalidConfig> =>
  Effect.suspend(() => {
    const result = use()
    return Result.isFailure(result)
      ? Effect.fail(new InvalidConfig({ op, message: result.failure }))
      : Effect.succeed(result.success)
  })

const attempt = <A>(use: () => A): Effect.Effect<A, InvalidConfig> =>
  Effect.try({
    try: use,
    catch: (cause) => new InvalidConfig({ op, message: `the offer cannot be answered: ${describe(cause)}`, cause })
  })
