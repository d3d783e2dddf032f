/**
 * A call over WebRTC: Opus both ways, and the same JSON messages over a data channel.
 *
 * Each peer connection is a `Link`.
 *
 * @since 0.1.0
 */
import {
  type CallMedia,
  type Levels,
  type Link,
  type LinkHandlers,
  makeLevel,
  type SessionTarget
} from "./CallMedia.ts"
import { EVENTS_CHANNEL, parseServerMessage, type ServerMessage } from "./ClientProtocol.ts"
import { RemoteVoice } from "./RemoteVoice.ts"
import { exchangeOffer } from "./SessionApi.ts"
import { VoiceClientError } from "./VoiceClientError.ts"

/** Candidates that take longer are not worth the wait; those of the local network take milliseconds. */
const GATHER_TIMEOUT_MS = 1_500
const OPEN_TIMEOUT_MS = 15_000
/** `disconnected` often heals by itself; after this long it is a loss. */
const DISCONNECTED_GRACE_MS = 4_000
/** How long the last messages may take to leave before the connection closes. */
const FAREWELL_MS = 250

/**
 * @category constructors
 * @since 0.1.0
 */
export const makeWebRtcMedia = (options: {
  readonly context: AudioContext
  readonly stream: MediaStream | undefined
  readonly iceServers: Array<RTCIceServer>
}): CallMedia => new WebRtcMedia(options.context, options.stream, options.iceServers)

class WebRtcMedia implements CallMedia {
  readonly #context: AudioContext
  readonly #iceServers: Array<RTCIceServer>
  readonly #user: ReturnType<typeof makeLevel>
  readonly #agent: RemoteVoice
  #stream: MediaStream | undefined
  #userSource: MediaStreamAudioSourceNode | undefined
  #peer: RTCPeerConnection | undefined

  constructor(context: AudioContext, stream: MediaStream | undefined, iceServers: Array<RTCIceServer>) {
    this.#context = context
    this.#iceServers = iceServers
    this.#user = makeLevel(context)
    this.#agent = new RemoteVoice(context)
    if (stream !== undefined) this.#listenTo(stream)
  }

  async attach(target: SessionTarget, handlers: LinkHandlers, signal: AbortSignal): Promise<Link> {
    const peer = new RTCPeerConnection({ iceServers: this.#iceServers })
    const events = peer.createDataChannel(EVENTS_CHANNEL, { ordered: true })
    const track = this.#stream?.getAudioTracks()[0]
    peer.addTransceiver(track ?? "audio", {
      direction: "sendrecv",
      ...(this.#stream === undefined ? {} : { streams: [this.#stream] })
    })
    peer.ontrack = (event) => this.#agent.hear(event.streams[0] ?? new MediaStream([event.track]))
    // Messages may come before the caller has its link.
    events.onmessage = (event: MessageEvent<unknown>) => {
      const message = typeof event.data === "string" ? parseServerMessage(event.data) : undefined
      if (message !== undefined) handlers.message(message)
    }
    try {
      await peer.setLocalDescription(await peer.createOffer())
      await gathered(peer)
      const answer = await exchangeOffer(target, peer.localDescription?.sdp ?? "", signal)
      await peer.setRemoteDescription({ type: "answer", sdp: answer })
      await open(peer, events, signal)
    } catch (cause) {
      peer.close()
      if (cause instanceof VoiceClientError) throw cause
      throw new VoiceClientError("connection_failed", "The browser and the server could not agree on a call.", {
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
      // Closing at once would drop a `session.end` that was just sent; the media stop without it.
      setTimeout(() => peer.close(), FAREWELL_MS)
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
      throw new VoiceClientError("connection_failed", "The call broke off while it was set up.")
    }
    return {
      send: (message) => {
        if (events.readyState === "open") events.send(JSON.stringify(message))
      },
      close
    }
  }

  onMessage(message: ServerMessage): void {
    this.#agent.onMessage(message)
  }

  async setMicrophone(stream: MediaStream): Promise<void> {
    this.#listenTo(stream)
    const sender = this.#peer?.getTransceivers()[0]?.sender
    await sender?.replaceTrack(stream.getAudioTracks()[0] ?? null)
  }

  async setOutputDevice(deviceId: string): Promise<void> {
    await this.#agent.setOutputDevice(deviceId)
  }

  levels(): Levels {
    return {
      user: this.#userSource === undefined ? 0 : this.#user.read(),
      agent: this.#agent.level
    }
  }

  close(): void {
    this.#peer?.close()
    this.#peer = undefined
    this.#userSource?.disconnect()
    this.#agent.close()
    if (this.#context.state !== "closed") void this.#context.close()
  }

  #listenTo(stream: MediaStream): void {
    this.#userSource?.disconnect()
    this.#stream = stream
    this.#userSource = this.#context.createMediaStreamSource(stream)
    this.#userSource.connect(this.#user.node)
  }
}

const gathered = (peer: RTCPeerConnection): Promise<void> =>
  new Promise((resolve) => {
    if (peer.iceGatheringState === "complete") return resolve()
    const timer = setTimeout(resolve, GATHER_TIMEOUT_MS)
    peer.onicegatheringstatechange = () => {
      if (peer.iceGatheringState !== "complete") return
      clearTimeout(timer)
      resolve()
    }
  })

const open = (peer: RTCPeerConnection, events: RTCDataChannel, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const settle = (error?: VoiceClientError) => {
      clearTimeout(timer)
      signal.removeEventListener("abort", onAbort)
      peer.onconnectionstatechange = null
      events.onopen = null
      if (error === undefined) resolve()
      else reject(error)
    }
    const onAbort = () => settle(new VoiceClientError("aborted", "The call was cancelled."))
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
