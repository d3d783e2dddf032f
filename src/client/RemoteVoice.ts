/**
 * The agent's voice out of a WebRTC track.
 *
 * It is played by an audio element, because the browser's echo canceller knows it and it can choose its speaker; a silent
 * branch through WebAudio only measures.
 *
 * @since 0.1.0
 */
import { makeLevel } from "./CallMedia.ts"
import type { ServerMessage } from "./ClientProtocol.ts"

/** What the browser's jitter buffer may still hold after a clear (30-40 ms measured, more on a bad network). */
const FLUSH_MS = 150
/** After this long nothing of the cleared reply can be left, whatever was or was not announced since. */
const LONGEST_HUSH_MS = 600

/**
 * @category models
 * @since 0.1.0
 */
export class RemoteVoice {
  readonly #context: AudioContext
  readonly #element = new Audio()
  readonly #meter: ReturnType<typeof makeLevel>
  #source: MediaStreamAudioSourceNode | undefined
  #hushTimer: ReturnType<typeof setTimeout> | undefined
  #hushedAt = 0

  constructor(context: AudioContext) {
    this.#context = context
    this.#meter = makeLevel(context)
    this.#element.autoplay = true
  }

  /** Plays this from now on. */
  hear(stream: MediaStream): void {
    this.#element.srcObject = stream
    // Refused only where no gesture came before; the element then starts with the next one.
    this.#element.play().catch(() => undefined)
    this.#source?.disconnect()
    this.#source = this.#context.createMediaStreamSource(stream)
    this.#source.connect(this.#meter.node)
  }

  /** Falls silent when the server clears a reply, and is heard again with the next. */
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

  async setOutputDevice(deviceId: string): Promise<void> {
    await this.#element.setSinkId(deviceId)
  }

  /** The RMS level of what is heard, 0..1. */
  get level(): number {
    return this.#source === undefined || this.#element.muted ? 0 : this.#meter.read()
  }

  close(): void {
    clearTimeout(this.#hushTimer)
    this.#source?.disconnect()
    this.#element.srcObject = null
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
