/**
 * A call over one WebSocket: PCM both ways beside JSON messages, with capture and playback in audio worklets.
 *
 * The AudioContext runs at the device's own rate and lives through reconnections; each socket is a `Link`.
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
import {
  type ClientMessage,
  DEFAULT_RATES,
  parseServerMessage,
  type ServerMessage,
  SUBPROTOCOL
} from "./ClientProtocol.ts"
import { fromPcm16, PcmFramer } from "./PcmFramer.ts"
import type { PlaybackCommand, PlaybackReport } from "./PlaybackWorklet.ts"
import { Resampler } from "./Resampler.ts"
import { sessionGone, sessionUrl, whyUnreachable } from "./SessionApi.ts"
import { replaced, VoiceClientError } from "./VoiceClientError.ts"

/** How often the server hears how much of the reply was played. */
const POSITION_INTERVAL_MS = 250
/** How often a ping goes out; a link whose last ping is unanswered when the next is due counts as dead. */
const PING_INTERVAL_MS = 10_000
const OPEN_TIMEOUT_MS = 10_000
/** Two seconds of audio: beyond it, frames are dropped rather than delivered late. */
const MAX_SEND_BACKLOG_BYTES = 64_000

/**
 * Opens the audio graph. Call it within a user gesture, or the browser keeps the context suspended.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeWebSocketMedia = async (options: {
  readonly context: AudioContext
  readonly stream: MediaStream | undefined
  readonly workletBase: string | URL
}): Promise<CallMedia> => {
  const media = new WebSocketMedia(options.context)
  await media.load(options.workletBase)
  if (options.stream !== undefined) await media.setMicrophone(options.stream)
  return media
}

class WebSocketMedia implements CallMedia {
  readonly #context: AudioContext
  readonly #user: ReturnType<typeof makeLevel>
  readonly #agent: ReturnType<typeof makeLevel>
  #capture: AudioWorkletNode | undefined
  #playback: AudioWorkletNode | undefined
  #source: MediaStreamAudioSourceNode | undefined
  #sink: HTMLAudioElement | undefined
  #framer: PcmFramer
  #resampler: Resampler
  #socket: WebSocket | undefined
  #report: PlaybackReport | undefined
  #idleSince = 0
  #sent = { turn: 0, playedMs: 0 }
  readonly #timer: ReturnType<typeof setInterval>

  constructor(context: AudioContext) {
    this.#context = context
    this.#user = makeLevel(context)
    this.#agent = makeLevel(context)
    this.#framer = this.#makeFramer(DEFAULT_RATES.input)
    this.#resampler = new Resampler(DEFAULT_RATES.output, context.sampleRate)
    this.#timer = setInterval(() => this.#sendPosition(), POSITION_INTERVAL_MS)
  }

  async load(base: string | URL): Promise<void> {
    const context = this.#context
    if (context.audioWorklet === undefined) {
      throw new VoiceClientError(
        "insecure_context",
        "Browsers only offer calls on https pages and on localhost. Open this page by https, or on the machine that" +
          " serves it."
      )
    }
    try {
      await Promise.all([
        context.audioWorklet.addModule(new URL("CaptureWorklet.js", base)),
        context.audioWorklet.addModule(new URL("PlaybackWorklet.js", base))
      ])
    } catch (cause) {
      throw new VoiceClientError("connection_failed", "The page's audio files could not be loaded.", { cause })
    }
    this.#capture = new AudioWorkletNode(context, "effect-voice-capture", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit"
    })
    this.#capture.port.onmessage = (event: MessageEvent<Float32Array>) => this.#framer.push(event.data)
    this.#playback = new AudioWorkletNode(context, "effect-voice-playback", {
      numberOfInputs: 0,
      outputChannelCount: [1]
    })
    this.#playback.port.onmessage = (event: MessageEvent<PlaybackReport>) => {
      if (!event.data.playing) this.#idleSince = performance.now()
      this.#report = event.data
    }
    this.#playback.connect(this.#agent.node).connect(context.destination)
  }

  async attach(target: SessionTarget, handlers: LinkHandlers, signal: AbortSignal): Promise<Link> {
    const socket = new WebSocket(
      `${sessionUrl(target).replace(/^http/, "ws")}/audio`,
      target.token === "" ? [SUBPROTOCOL] : [SUBPROTOCOL, `token.${target.token}`]
    )
    socket.binaryType = "arraybuffer"
    await opened(socket, target, signal)
    this.#detach()
    this.#socket = socket
    let awaiting = false
    const lost: LinkHandlers["lost"] = (loss) => {
      clearInterval(ping)
      silence(socket)
      socket.close()
      if (this.#socket === socket) this.#socket = undefined
      handlers.lost(loss)
    }
    const ping = setInterval(() => {
      if (awaiting) return lost({})
      awaiting = true
      sendTo(socket, { type: "ping" })
    }, PING_INTERVAL_MS)
    socket.onmessage = (event: MessageEvent<unknown>) => {
      awaiting = false
      if (event.data instanceof ArrayBuffer) return this.#play(event.data)
      const message = typeof event.data === "string" ? parseServerMessage(event.data) : undefined
      if (message !== undefined) handlers.message(message)
    }
    socket.onclose = (event) => lost(lossOf(event))
    return {
      send: (message) => sendTo(socket, message),
      close: () => {
        clearInterval(ping)
        silence(socket)
        socket.close(1000)
        if (this.#socket === socket) this.#detach()
      }
    }
  }

  onMessage(message: ServerMessage): void {
    switch (message.type) {
      case "session.started":
        this.#framer = this.#makeFramer(message.input.sample_rate)
        this.#resampler = new Resampler(message.output.sample_rate, this.#context.sampleRate)
        break
      case "agent.speech_started":
        this.#resampler.reset()
        this.#command({ type: "turn", turn: message.turn })
        break
      case "playout.clear":
        this.#resampler.reset()
        this.#command({ type: "clear", turn: message.turn })
        break
    }
  }

  async setMicrophone(stream: MediaStream): Promise<void> {
    const source = this.#context.createMediaStreamSource(stream)
    this.#source?.disconnect()
    this.#source = source
    source.connect(this.#user.node)
    if (this.#capture !== undefined) source.connect(this.#capture)
  }

  async setOutputDevice(deviceId: string): Promise<void> {
    const context: AudioContext & { setSinkId?: (id: string) => Promise<void> } = this.#context
    if (context.setSinkId !== undefined) return await context.setSinkId(deviceId)
    // Firefox and Safari have it on media elements only.
    if (this.#sink === undefined) {
      const destination = context.createMediaStreamDestination()
      const sink = new Audio()
      sink.srcObject = destination.stream
      await sink.setSinkId(deviceId)
      this.#agent.node.disconnect()
      this.#agent.node.connect(destination)
      this.#sink = sink
      return await sink.play()
    }
    await this.#sink.setSinkId(deviceId)
  }

  levels(): Levels {
    return { user: this.#source === undefined ? 0 : this.#user.read(), agent: this.#agent.read() }
  }

  close(): void {
    clearInterval(this.#timer)
    this.#detach()
    this.#source?.disconnect()
    if (this.#sink !== undefined) this.#sink.srcObject = null
    if (this.#context.state !== "closed") void this.#context.close()
  }

  // What an old link left waiting must not be heard over a new one: the server resends what was not played.
  #detach(): void {
    this.#socket = undefined
    this.#resampler.reset()
    this.#command({ type: "clear" })
  }

  #command(command: PlaybackCommand): void {
    this.#playback?.port.postMessage(command)
  }

  #makeFramer(rate: number): PcmFramer {
    return new PcmFramer(this.#context.sampleRate, rate, (frame) => {
      const socket = this.#socket
      if (socket?.readyState === WebSocket.OPEN && socket.bufferedAmount < MAX_SEND_BACKLOG_BYTES) socket.send(frame)
    })
  }

  #play(data: ArrayBuffer): void {
    const samples = this.#resampler.process(fromPcm16(data))
    if (samples.length > 0) this.#command({ type: "audio", samples })
  }

  #sendPosition(): void {
    const report = this.#report
    if (report === undefined || report.turn === 0 || this.#socket === undefined) return
    // The samples the device still holds were not heard yet. Once silent for longer than that, all of them were.
    const latencyMs = 1_000 * (this.#context.outputLatency || this.#context.baseLatency || 0)
    const heard = !report.playing && performance.now() - this.#idleSince > latencyMs
    const playedMs = Math.max(
      0,
      Math.round((1_000 * report.played) / this.#context.sampleRate - (heard ? 0 : latencyMs))
    )
    if (report.turn === this.#sent.turn && playedMs <= this.#sent.playedMs) return
    this.#sent = { turn: report.turn, playedMs }
    sendTo(this.#socket, { type: "playout.position", turn: report.turn, played_ms: playedMs })
  }
}

const sendTo = (socket: WebSocket, message: ClientMessage): void => {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
}

const silence = (socket: WebSocket): void => {
  socket.onmessage = null
  socket.onclose = null
}

const opened = (socket: WebSocket, target: SessionTarget, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const settle = (done: () => void) => {
      clearTimeout(timer)
      signal.removeEventListener("abort", onAbort)
      socket.onopen = null
      socket.onclose = null
      done()
    }
    const fail = (error: VoiceClientError) =>
      settle(() => {
        socket.close()
        reject(error)
      })
    const onAbort = () => fail(new VoiceClientError("aborted", "The call was cancelled."))
    const timer = setTimeout(
      () => fail(new VoiceClientError("connection_timeout", "The server did not answer in time.")),
      OPEN_TIMEOUT_MS
    )
    signal.addEventListener("abort", onAbort)
    if (signal.aborted) return onAbort()
    socket.onopen = () => settle(resolve)
    socket.onclose = (event) => {
      const error = lossOf(event).error
      if (error !== undefined) return fail(error)
      void whyUnreachable(target, signal).then((gone) =>
        fail(gone ?? new VoiceClientError("connection_failed", "The server cannot be reached."))
      )
    }
  })

const lossOf = (event: CloseEvent): Parameters<LinkHandlers["lost"]>[0] => {
  switch (event.code) {
    case 1000:
      return { closed: true }
    case 4401:
    case 4403:
      return {
        error: new VoiceClientError("authentication_failed", "The server no longer accepts this call. Start a new one.")
      }
    case 4404:
    case 4410:
      return { error: sessionGone() }
    case 4408:
      return { error: replaced() }
    case 4429:
      return {
        error: new VoiceClientError("rate_limit_exceeded", "You have spoken more than is allowed. Try again later.")
      }
    default:
      return {}
  }
}
