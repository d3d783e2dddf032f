/**
 * A call over one WebSocket: PCM both ways beside JSON messages, with capture and playback in audio worklets.
 *
 * The AudioContext runs at the device's own rate and lives through reconnections; each socket is a `Link`.
 *
 * @since 0.1.0
 */
import { fromPcm16, PcmFramer } from "../audio/PcmFramer.ts"
import type { PlaybackReport } from "../audio/PlaybackWorklet.ts"
import { Resampler } from "../audio/Resampler.ts"
import type { WorkletUrl } from "../audio/Worklets.ts"
import type { ServerMessage } from "../protocol/ClientProtocol.ts"
import { DEFAULT_RATES } from "../protocol/WireProtocol.ts"
import type { CallContext } from "./CallContext.ts"
import type { CallMedia, Levels, Link, LinkHandlers, SessionTarget } from "./CallMedia.ts"
import { PcmGraph, type PcmListener } from "./PcmGraph.ts"
import type { PlaybackWatch } from "./PlaybackWatch.ts"
import { makeLink, openSocket, sendMessage } from "./WebSocketLink.ts"

/** How often the server is told how much of the reply was played. */
const POSITION_INTERVAL_MS = 250
/** Two seconds of audio: beyond it, frames are dropped rather than delivered late. */
const MAX_SEND_BACKLOG_BYTES = 64_000

interface WebSocketMediaOptions {
  readonly context: CallContext
  readonly watch: PlaybackWatch
  readonly stream: MediaStream | undefined
  readonly workletUrl: WorkletUrl | undefined
}

/**
 * Opens the audio graph. Call it within a user gesture, or the browser keeps the context suspended.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeWebSocketMedia = async (options: WebSocketMediaOptions): Promise<CallMedia> => {
  const media = new WebSocketMedia(options)
  try {
    await media.open()
  } catch (error) {
    media.close()
    throw error
  }
  return media
}

class WebSocketMedia implements CallMedia {
  readonly #context: CallContext
  readonly #watch: PlaybackWatch
  readonly #workletUrl: WorkletUrl | undefined
  #graph: PcmGraph | undefined
  #stream: MediaStream | undefined
  #deviceId = ""
  #rates: { readonly input: number; readonly output: number } = DEFAULT_RATES
  #turn = 0
  #framer: PcmFramer
  #resampler: Resampler
  #socket: WebSocket | undefined
  #report: PlaybackReport | undefined
  #idleSince = 0
  #sent = { turn: 0, playedMs: 0 }
  #closed = false
  /** The context in which a graph is being built. */
  #building: AudioContext | undefined
  readonly #timer: ReturnType<typeof setInterval>
  readonly #listener: PcmListener = {
    captured: (samples) => this.#framer.push(samples),
    reported: (report) => {
      if (!report.playing) this.#idleSince = performance.now()
      this.#report = report
    }
  }

  constructor({ context, stream, watch, workletUrl }: WebSocketMediaOptions) {
    this.#context = context
    this.#watch = watch
    this.#workletUrl = workletUrl
    this.#stream = stream
    this.#framer = this.#makeFramer()
    this.#resampler = this.#makeResampler()
    this.#timer = setInterval(() => this.#sendPosition(), POSITION_INTERVAL_MS)
  }

  async open(): Promise<void> {
    await this.#build(this.#context.current)
    // Until its graph is there, the call is silent.
    this.#context.watch(this.#watch, true, () => this.#rebuild())
  }

  async attach(target: SessionTarget, handlers: LinkHandlers, signal: AbortSignal): Promise<Link> {
    const socket = await openSocket(target, signal)
    this.#detach()
    this.#socket = socket
    // It may have failed while the network was away.
    if (this.#graph === undefined) this.#rebuild()
    const link = makeLink(socket, handlers, (data) => this.#play(data), () => {
      if (this.#socket === socket) this.#socket = undefined
    })
    return {
      ...link,
      close: () => {
        if (this.#socket === socket) this.#detach()
        link.close()
      }
    }
  }

  onMessage(message: ServerMessage): void {
    switch (message.type) {
      case "session.started":
        this.#setRates(message.input.sample_rate, message.output.sample_rate)
        break
      case "agent.speech_started":
        this.#resampler.reset()
        this.#turn = message.turn
        this.#graph?.command({ type: "turn", turn: message.turn })
        break
      case "playout.clear":
        this.#resampler.reset()
        this.#graph?.command({ type: "clear", turn: message.turn })
        break
    }
  }

  async setMicrophone(stream: MediaStream): Promise<void> {
    this.#graph?.setMicrophone(stream)
    this.#stream = stream
  }

  // A disabled track is silent.
  setMuted(): void {}

  async setOutputDevice(deviceId: string): Promise<void> {
    await this.#graph?.setOutputDevice(deviceId)
    this.#deviceId = deviceId
  }

  levels(): Levels {
    return this.#graph?.levels() ?? { user: 0, agent: 0 }
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
    this.#detach()
    this.#graph?.close()
    this.#context.close()
  }

  /** Makes the graph in the current context, unless that is being done; should it fail, the next connection tries again. */
  #rebuild(): void {
    const context = this.#context.current
    if (this.#building === context) return
    this.#building = context
    this.#build(context).catch((error: unknown) => reportError(error)).finally(() => {
      if (this.#building === context) this.#building = undefined
    })
  }

  /** Makes the graph in this context, with the microphone and the speaker as they are by then. */
  async #build(context: AudioContext): Promise<void> {
    this.#graph?.close()
    this.#graph = undefined
    const graph = await PcmGraph.open(context, this.#watch, this.#workletUrl, this.#listener)
    if (this.#closed || context !== this.#context.current) return graph.close()
    this.#graph = graph
    this.#framer = this.#makeFramer()
    this.#resampler = this.#makeResampler()
    if (this.#stream !== undefined) graph.setMicrophone(this.#stream)
    if (this.#turn > 0) graph.command({ type: "turn", turn: this.#turn })
    // A speaker that is gone by now: the system's plays.
    if (this.#deviceId !== "") await graph.setOutputDevice(this.#deviceId).catch(() => undefined)
  }

  // Audio that a former link left in the buffer must not play over a new one: the server resends what was not played.
  #detach(): void {
    this.#socket = undefined
    this.#resampler.reset()
    this.#graph?.command({ type: "clear" })
  }

  #setRates(input: number, output: number): void {
    const rates = {
      input: usableRate(input, this.#context.current.sampleRate, DEFAULT_RATES.input),
      output: usableRate(output, this.#context.current.sampleRate, DEFAULT_RATES.output)
    }
    if (rates.input === this.#rates.input && rates.output === this.#rates.output) return
    this.#rates = rates
    this.#framer = this.#makeFramer()
    this.#resampler = this.#makeResampler()
  }

  #makeFramer(): PcmFramer {
    return new PcmFramer(this.#context.current.sampleRate, this.#rates.input, (frame) => {
      const socket = this.#socket
      if (socket?.readyState === WebSocket.OPEN && socket.bufferedAmount < MAX_SEND_BACKLOG_BYTES) socket.send(frame)
    })
  }

  #makeResampler(): Resampler {
    return new Resampler(this.#rates.output, this.#context.current.sampleRate)
  }

  #play(data: ArrayBuffer): void {
    this.#graph?.play(this.#resampler.process(fromPcm16(data)))
  }

  #sendPosition(): void {
    const report = this.#report
    const graph = this.#graph
    if (report === undefined || report.turn === 0 || graph === undefined || this.#socket === undefined) return
    // Samples that the device still buffers were not heard yet; all were, once it is silent for longer than its latency.
    const { baseLatency, outputLatency, sampleRate } = graph.context
    const latencyMs = 1_000 * (outputLatency || baseLatency || 0)
    const heard = !report.playing && performance.now() - this.#idleSince > latencyMs
    const playedMs = Math.max(0, Math.round((1_000 * report.played) / sampleRate - (heard ? 0 : latencyMs)))
    if (report.turn === this.#sent.turn && playedMs <= this.#sent.playedMs) return
    this.#sent = { turn: report.turn, playedMs }
    sendMessage(this.#socket, { type: "playout.position", turn: report.turn, played_ms: playedMs })
  }
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))

/** The most phases of a filter: 640 from 11,025 to 48,000 Hz. Odd rates would need tens of thousands, and seconds to compute. */
const MAX_PHASES = 1_000

/** A rate of 8 to 96 kHz, as Web Audio must support, that the context's rate can be converted to and from; else `fallback`. */
const usableRate = (rate: number, contextRate: number, fallback: number): number => {
  const phases = Math.max(rate, contextRate) / gcd(rate, contextRate)
  return rate >= 8_000 && rate <= 96_000 && phases <= MAX_PHASES ? rate : fallback
}
