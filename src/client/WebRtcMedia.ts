/**
 * A call over WebRTC: Opus both ways, and the same JSON messages over a data channel.
 *
 * The agent is played by an audio element, because the browser's echo canceller knows it and it can choose its speaker;
 * a silent branch through WebAudio only measures. Each peer connection is a `Link`.
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
import { exchangeOffer } from "./SessionApi.ts"
import { VoiceClientError } from "./VoiceClientError.ts"

/** Candidates that take longer are not worth the wait; those of the local network take milliseconds. */
const GATHER_TIMEOUT_MS = 1_500
const OPEN_TIMEOUT_MS = 15_000
/** `disconnected` often heals by itself; after this long it is a loss. */
const DISCONNECTED_GRACE_MS = 4_000
/** How long the last messages may take to leave before the connection closes. */
const FAREWELL_MS = 250
/** What the browser's jitter buffer may still hold after a clear (30-40 ms measured, more on a bad network). */
const FLUSH_MS = 150
/** After this long nothing of the cleared reply can be left, whatever was or was not announced since. */
const LONGEST_HUSH_MS = 600

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
  readonly #element = new Audio()
  readonly #user: ReturnType<typeof makeLevel>
  readonly #agent: ReturnType<typeof makeLevel>
  #stream: MediaStream | undefined
  #userSource: MediaStreamAudioSourceNode | undefined
  #agentSource: MediaStreamAudioSourceNode | undefined
  #peer: RTCPeerConnection | undefined
  #hushTimer: ReturnType<typeof setTimeout> | undefined
  #hushedAt = 0

  constructor(context: AudioContext, stream: MediaStream | undefined, iceServers: Array<RTCIceServer>) {
    this.#context = context
    this.#iceServers = iceServers
    this.#user = makeLevel(context)
    this.#agent = makeLevel(context)
    this.#element.autoplay = true
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
    peer.ontrack = (event) => this.#hear(event.streams[0] ?? new MediaStream([event.track]))
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
    switch (message.type) {
      case "playout.clear":
        this.#hush()
        break
      case "agent.speech_started":
      case "agent.speech_resumed":
        this.#unhush(FLUSH_MS)
        break
    }
  }

  async setMicrophone(stream: MediaStream): Promise<void> {
    this.#listenTo(stream)
    const sender = this.#peer?.getTransceivers()[0]?.sender
    await sender?.replaceTrack(stream.getAudioTracks()[0] ?? null)
  }

  async setOutputDevice(deviceId: string): Promise<void> {
    await this.#element.setSinkId(deviceId)
  }

  levels(): Levels {
    return {
      user: this.#userSource === undefined ? 0 : this.#user.read(),
      agent: this.#agentSource === undefined || this.#element.muted ? 0 : this.#agent.read()
    }
  }

  close(): void {
    clearTimeout(this.#hushTimer)
    this.#peer?.close()
    this.#peer = undefined
    this.#userSource?.disconnect()
    this.#agentSource?.disconnect()
    this.#element.srcObject = null
    if (this.#context.state !== "closed") void this.#context.close()
  }

  #listenTo(stream: MediaStream): void {
    this.#userSource?.disconnect()
    this.#stream = stream
    this.#userSource = this.#context.createMediaStreamSource(stream)
    this.#userSource.connect(this.#user.node)
  }

  #hear(stream: MediaStream): void {
    this.#element.srcObject = stream
    // Refused only where no gesture came before; the element then starts with the next one.
    this.#element.play().catch(() => undefined)
    this.#agentSource?.disconnect()
    this.#agentSource = this.#context.createMediaStreamSource(stream)
    this.#agentSource.connect(this.#agent.node)
  }

  // A browser's jitter buffer cannot be emptied, so what it still holds is played to nobody.
  #hush(): void {
    this.#element.muted = true
    this.#hushedAt = performance.now()
    this.#unhush(LONGEST_HUSH_MS)
  }

  #unhush(afterMs: number): void {
    if (!this.#element.muted) return
    clearTimeout(this.#hushTimer)
    const waitMs = Math.max(0, this.#hushedAt + afterMs - performance.now())
    this.#hushTimer = setTimeout(() => {
      this.#element.muted = false
    }, waitMs)
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
