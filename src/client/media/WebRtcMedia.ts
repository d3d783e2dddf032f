/**
 * A call over WebRTC: Opus both ways, and the same JSON messages over a data channel.
 *
 * Each peer connection is a `Link`.
 *
 * @since 0.1.0
 */
import { parseServerMessage, type ServerMessage } from "../protocol/ClientProtocol.ts"
import { EVENTS_CHANNEL } from "../protocol/WireProtocol.ts"
import { exchangeOffer } from "../SessionApi.ts"
import { abortError, throwIfAborted, VoiceClientError } from "../VoiceClientError.ts"
import type { CallContext } from "./CallContext.ts"
import type { CallMedia, Levels, Link, LinkHandlers, SessionTarget } from "./CallMedia.ts"
import type { PlaybackWatch } from "./PlaybackWatch.ts"
import { TrackAudio } from "./TrackAudio.ts"

/** Slower ICE candidates are left out; those of the local network take milliseconds. */
const GATHER_TIMEOUT_MS = 1_500
const OPEN_TIMEOUT_MS = 15_000
/** `disconnected` often recovers by itself; after this long the connection counts as lost. */
const DISCONNECTED_GRACE_MS = 4_000
/** How long the last messages may take to leave before the connection closes. */
const FLUSH_MS = 250

/**
 * Throws `unsupported_browser` where WebRTC is missing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeWebRtcMedia = (options: {
  readonly context: CallContext
  readonly watch: PlaybackWatch
  readonly stream: MediaStream | undefined
  readonly iceServers: Array<RTCIceServer>
}): CallMedia => {
  if (typeof RTCPeerConnection === "undefined") {
    throw new VoiceClientError("unsupported_browser", "This browser has no WebRTC, or it is turned off.")
  }
  return new WebRtcMedia(new TrackAudio(options.context, options.watch, options.stream), options.iceServers)
}

/** The one voice of a peer connection. */
const AGENT = "agent"
const isAgent = () => true

class WebRtcMedia implements CallMedia {
  readonly #iceServers: Array<RTCIceServer>
  readonly #audio: TrackAudio
  #peer: RTCPeerConnection | undefined

  constructor(audio: TrackAudio, iceServers: Array<RTCIceServer>) {
    this.#iceServers = iceServers
    this.#audio = audio
  }

  async attach(target: SessionTarget, handlers: LinkHandlers, signal: AbortSignal): Promise<Link> {
    const peer = new RTCPeerConnection({ iceServers: this.#iceServers })
    const events = peer.createDataChannel(EVENTS_CHANNEL, { ordered: true })
    const { stream, track } = this.#audio
    const { sender } = peer.addTransceiver(track ?? "audio", {
      direction: "sendrecv",
      ...(stream === undefined ? {} : { streams: [stream] })
    })
    peer.ontrack = ({ streams, track }) => this.#audio.play(AGENT, streams[0] ?? new MediaStream([track]), isAgent)
    // Messages may come before the caller has its link.
    events.onmessage = (event: MessageEvent<unknown>) => {
      const message = typeof event.data === "string" ? parseServerMessage(event.data) : undefined
      if (message !== undefined) handlers.message(message)
    }
    try {
      await peer.setLocalDescription(await peer.createOffer())
      await gatheringComplete(peer)
      const answer = await exchangeOffer(target, peer.localDescription?.sdp ?? "", signal)
      await peer.setRemoteDescription({ type: "answer", sdp: answer })
      await connected(peer, events, signal)
      await this.#audio.sendTrack(track, (track) => sender.replaceTrack(track ?? null))
    } catch (cause) {
      peer.close()
      if (cause instanceof VoiceClientError) throw cause
      throw new VoiceClientError("connection_failed", "The WebRTC connection could not be negotiated.", {
        cause
      })
    }
    this.#peer?.close()
    this.#peer = peer
    let grace: ReturnType<typeof setTimeout> | undefined
    const close = () => {
      clearTimeout(grace)
      peer.onconnectionstatechange = null
      events.onclose = null
      events.onmessage = null
      // Closing at once would drop a `session.end` that was just sent.
      setTimeout(() => peer.close(), FLUSH_MS)
      if (this.#peer === peer) this.#peer = undefined
    }
    const lost = () => {
      close()
      handlers.lost({})
    }
    peer.onconnectionstatechange = () => {
      clearTimeout(grace)
      if (peer.connectionState === "failed" || peer.connectionState === "closed") lost()
      else if (peer.connectionState === "disconnected") grace = setTimeout(lost, DISCONNECTED_GRACE_MS)
    }
    events.onclose = lost
    if (peer.connectionState === "failed" || events.readyState !== "open") {
      close()
      throwIfAborted(signal)
      throw new VoiceClientError("connection_failed", "The connection was lost while the call was set up.")
    }
    return {
      send: (message) => {
        if (events.readyState === "open") events.send(JSON.stringify(message))
      },
      close,
      probe: () => undefined
    }
  }

  onMessage(message: ServerMessage): void {
    this.#audio.onMessage(message)
  }

  setMicrophone(stream: MediaStream): Promise<void> {
    const sender = this.#peer?.getTransceivers()[0]?.sender
    return this.#audio.changeMicrophone(stream, async (track) => await sender?.replaceTrack(track ?? null))
  }

  // A disabled track is silent.
  setMuted(): void {}

  setOutputDevice(deviceId: string): Promise<void> {
    return this.#audio.setOutputDevice(deviceId)
  }

  levels(): Levels {
    return this.#audio.levels()
  }

  close(): void {
    this.#peer?.close()
    this.#peer = undefined
    this.#audio.close()
  }
}

const gatheringComplete = (peer: RTCPeerConnection): Promise<void> =>
  new Promise((resolve) => {
    if (peer.iceGatheringState === "complete") return resolve()
    const timer = setTimeout(resolve, GATHER_TIMEOUT_MS)
    peer.onicegatheringstatechange = () => {
      if (peer.iceGatheringState !== "complete") return
      clearTimeout(timer)
      resolve()
    }
  })

const connected = (peer: RTCPeerConnection, events: RTCDataChannel, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const settle = (error?: VoiceClientError) => {
      clearTimeout(timer)
      signal.removeEventListener("abort", onAbort)
      peer.onconnectionstatechange = null
      events.onopen = null
      if (error === undefined) resolve()
      else reject(error)
    }
    const onAbort = () => settle(abortError(signal))
    const timer = setTimeout(
      () =>
        settle(
          new VoiceClientError("connection_timeout", "No media path to the server was found. A firewall may block UDP.")
        ),
      OPEN_TIMEOUT_MS
    )
    signal.addEventListener("abort", onAbort)
    if (signal.aborted) return onAbort()
    const check = () => {
      if (events.readyState === "open") settle()
      else if (peer.connectionState === "failed" || peer.connectionState === "closed") {
        settle(
          new VoiceClientError("connection_failed", "No media path to the server was found. A firewall may block UDP.")
        )
      }
    }
    peer.onconnectionstatechange = check
    events.onopen = check
    check()
  })
