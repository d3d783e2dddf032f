/**
 * A call over one WebSocket: PCM both ways beside JSON messages, with capture and playback in audio worklets.
 *
 * The AudioContext runs at the device's own rate and lives through reconnections; each socket is a `Link`.
 *
 * @since 0.1.0
 */
import { fromPcm16, PcmFramer } from "../audio/PcmFramer.ts"
import type { PlaybackCommand, PlaybackReport } from "../audio/PlaybackWorklet.ts"
import { Resampler } from "../audio/Resampler.ts"
import type { ServerMessage } from "../protocol/ClientProtocol.ts"
import { DEFAULT_RATES } from "../protocol/WireProtocol.ts"
import { VoiceClientError } from "../VoiceClientError.ts"
import {
  type CallMedia,
  type Levels,
  type Link,
  type LinkHandlers,
  makeLevelMeter,
  type SessionTarget
} from "./CallMedia.ts"
import { makeLink, openSocket, sendMessage } from "./WebSocketLink.ts"

/** How often the server is told how much of the reply was played. */
const POSITION_INTERVAL_MS = 250
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
  readonly #user: ReturnType<typeof makeLevelMeter>
  readonly #agent: ReturnType<typeof makeLevelMeter>
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
    this.#user = makeLevelMeter(context)
    this.#agent = makeLevelMeter(context)
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
    const socket = await openSocket(target, signal)
    this.#detach()
    this.#socket = socket
    const link = makeLink(socket, handlers, (data) => this.#play(data), () => {
      if (this.#socket === socket) this.#socket = undefined
    })
    return {
      send: link.send,
      close: () => {
        if (this.#socket === socket) this.#detach()
        link.close()
      }
    }
  }

  onMessage(message: ServerMessage): void {
    switch (message.type) {
      case "session.started":
        this.#framer = this.#makeFramer(playableRate(message.input.sample_rate, DEFAULT_RATES.input))
        this.#resampler = new Resampler(
          playableRate(message.output.sample_rate, DEFAULT_RATES.output),
          this.#context.sampleRate
        )
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

  // Audio that a former link left in the buffer must not play over a new one: the server resends what was not played.
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
    // Samples that the device still buffers were not heard yet; all were, once it is silent for longer than its latency.
    const latencyMs = 1_000 * (this.#context.outputLatency || this.#context.baseLatency || 0)
    const heard = !report.playing && performance.now() - this.#idleSince > latencyMs
    const playedMs = Math.max(
      0,
      Math.round((1_000 * report.played) / this.#context.sampleRate - (heard ? 0 : latencyMs))
    )
    if (report.turn === this.#sent.turn && playedMs <= this.#sent.playedMs) return
    this.#sent = { turn: report.turn, playedMs }
    sendMessage(this.#socket, { type: "playout.position", turn: report.turn, played_ms: playedMs })
  }
}

/** A rate outside of what Web Audio must support (8-96 kHz) would fail later, and less clearly. */
const playableRate = (rate: number, fallback: number): number => rate >= 8_000 && rate <= 96_000 ? rate : fallback
