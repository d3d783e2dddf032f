/**
 * The audio graph of a call over a WebSocket: microphone and speaker as PCM, with an audio worklet for each.
 *
 * One graph belongs to one audio context; when that is replaced, so is the graph.
 *
 * @since 0.1.0
 */
import type { PlaybackCommand, PlaybackReport } from "../audio/PlaybackWorklet.ts"
import { addWorklets, type WorkletUrl } from "../audio/Worklets.ts"
import { VoiceClientError } from "../VoiceClientError.ts"
import { type Levels, makeLevelMeter } from "./CallMedia.ts"
import type { PlaybackWatch } from "./PlaybackWatch.ts"

/** What the worklet buffers at most; more than that is not posted to it between two of its reports. */
const CAPACITY_SECONDS = 30

/**
 * What a graph tells.
 *
 * @category models
 * @since 0.1.0
 */
export interface PcmListener {
  /** Samples of the microphone, at the context's rate. */
  readonly captured: (samples: Float32Array) => void
  readonly reported: (report: PlaybackReport) => void
}

/**
 * @category models
 * @since 0.1.0
 */
export class PcmGraph {
  readonly context: AudioContext
  readonly #watch: PlaybackWatch
  readonly #user: ReturnType<typeof makeLevelMeter>
  readonly #agent: ReturnType<typeof makeLevelMeter>
  readonly #capture: AudioWorkletNode
  readonly #playback: AudioWorkletNode
  #source: MediaStreamAudioSourceNode | undefined
  #sink: { readonly element: HTMLAudioElement; readonly stopWatching: () => void } | undefined
  #posted = 0

  /** Loads the worklets. Rejects with `insecure_context` or `connection_failed`. */
  static async open(
    context: AudioContext,
    watch: PlaybackWatch,
    workletUrl: WorkletUrl | undefined,
    listener: PcmListener
  ): Promise<PcmGraph> {
    if (context.audioWorklet === undefined) {
      throw new VoiceClientError(
        "insecure_context",
        "Browsers only offer calls on https pages and on localhost. Open this page by https, or on the machine that" +
          " serves it."
      )
    }
    await addWorklets(context, workletUrl)
    return new PcmGraph(context, watch, listener)
  }

  private constructor(context: AudioContext, watch: PlaybackWatch, listener: PcmListener) {
    this.context = context
    this.#watch = watch
    this.#user = makeLevelMeter(context)
    this.#agent = makeLevelMeter(context)
    this.#capture = new AudioWorkletNode(context, "effect-voice-capture", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit"
    })
    this.#capture.port.onmessage = (event: MessageEvent<Float32Array>) => listener.captured(event.data)
    this.#playback = new AudioWorkletNode(context, "effect-voice-playback", {
      numberOfInputs: 0,
      outputChannelCount: [1]
    })
    this.#playback.port.onmessage = (event: MessageEvent<PlaybackReport>) => {
      this.#posted = 0
      listener.reported(event.data)
    }
    this.#playback.connect(this.#agent.node).connect(context.destination)
  }

  setMicrophone(stream: MediaStream): void {
    const source = this.context.createMediaStreamSource(stream)
    this.#source?.disconnect()
    this.#source = source
    source.connect(this.#user.node)
    source.connect(this.#capture)
  }

  async setOutputDevice(deviceId: string): Promise<void> {
    const context: AudioContext & { setSinkId?: (id: string) => Promise<void> } = this.context
    if (context.setSinkId !== undefined) return await context.setSinkId(deviceId)
    // Firefox and Safari have it on media elements only.
    if (this.#sink !== undefined) return await this.#sink.element.setSinkId(deviceId)
    const destination = context.createMediaStreamDestination()
    const element = new Audio()
    element.srcObject = destination.stream
    await element.setSinkId(deviceId)
    this.#agent.node.disconnect()
    this.#agent.node.connect(destination)
    element.onpause = () => this.#watch.check()
    const stopWatching = this.#watch.add({
      required: true,
      isBlocked: () => element.paused,
      start: () => element.play()
    })
    this.#sink = { element, stopWatching }
  }

  command(command: PlaybackCommand): void {
    this.#playback.port.postMessage(command)
  }

  /** Plays samples at the context's rate; drops them when the worklet has not answered for a full buffer. */
  play(samples: Float32Array): void {
    if (samples.length === 0 || this.#posted > CAPACITY_SECONDS * this.context.sampleRate) return
    this.#posted += samples.length
    this.command({ type: "audio", samples })
  }

  levels(): Levels {
    return { user: this.#source === undefined ? 0 : this.#user.read(), agent: this.#agent.read() }
  }

  close(): void {
    this.#capture.port.onmessage = null
    this.#playback.port.onmessage = null
    this.#source?.disconnect()
    this.#capture.disconnect()
    this.#playback.disconnect()
    if (this.#sink === undefined) return
    this.#sink.stopWatching()
    this.#sink.element.onpause = null
    this.#sink.element.srcObject = null
  }
}
