/**
 * Plays the agent's voice from a WebRTC track.
 *
 * An audio element plays it, because the browser's echo canceller covers it and it can choose its speaker; a silent
 * branch through WebAudio only measures the level.
 *
 * @since 0.1.0
 */
import type { ServerMessage } from "../protocol/ClientProtocol.ts"
import { makeLevelMeter } from "./CallMedia.ts"

/** How long the browser's jitter buffer may still play after a clear (30-40 ms measured, more on a bad network). */
const FLUSH_MS = 150
/** After this long nothing of the cleared reply is left, even when no new speech was announced. */
const MAX_MUTE_MS = 600

/**
 * @category models
 * @since 0.1.0
 */
export class RemoteVoice {
  readonly #context: AudioContext
  readonly #element = new Audio()
  readonly #meter: ReturnType<typeof makeLevelMeter>
  #source: MediaStreamAudioSourceNode | undefined
  #unmuteTimer: ReturnType<typeof setTimeout> | undefined
  #mutedAt = 0

  constructor(context: AudioContext) {
    this.#context = context
    this.#meter = makeLevelMeter(context)
    this.#element.autoplay = true
  }

  /** Plays this stream from now on. */
  play(stream: MediaStream): void {
    this.#element.srcObject = stream
    // Rejected only before the first user gesture; autoplay then starts it with that gesture.
    this.#element.play().catch(() => undefined)
    this.#source?.disconnect()
    this.#source = this.#context.createMediaStreamSource(stream)
    this.#source.connect(this.#meter.node)
  }

  /** Mutes when the server clears a reply, and unmutes with the next one. */
  onMessage(message: ServerMessage): void {
    switch (message.type) {
      case "playout.clear":
        this.#mute()
        break
      case "agent.speech_started":
      case "agent.speech_resumed":
        this.#unmuteAfter(FLUSH_MS)
        break
    }
  }

  async setOutputDevice(deviceId: string): Promise<void> {
    await this.#element.setSinkId(deviceId)
  }

  /** The RMS level of what is played, 0..1. */
  get level(): number {
    return this.#source === undefined || this.#element.muted ? 0 : this.#meter.read()
  }

  close(): void {
    clearTimeout(this.#unmuteTimer)
    this.#source?.disconnect()
    this.#element.srcObject = null
  }

  // A browser's jitter buffer cannot be emptied, so what it still holds is muted.
  #mute(): void {
    this.#element.muted = true
    this.#mutedAt = performance.now()
    this.#unmuteAfter(MAX_MUTE_MS)
  }

  #unmuteAfter(afterMs: number): void {
    if (!this.#element.muted) return
    clearTimeout(this.#unmuteTimer)
    const waitMs = Math.max(0, this.#mutedAt + afterMs - performance.now())
    this.#unmuteTimer = setTimeout(() => {
      this.#element.muted = false
    }, waitMs)
  }
}
