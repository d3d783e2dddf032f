/**
 * Plays one voice that comes as a WebRTC track.
 *
 * An audio element plays it, because the browser's echo canceller covers it and it can choose its speaker; a silent
 * branch through WebAudio only measures the level.
 *
 * @since 0.1.0
 */
import { makeLevelMeter, measure } from "./CallMedia.ts"
import type { PlaybackWatch } from "./PlaybackWatch.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class RemoteVoice {
  readonly #element = new Audio()
  readonly #stream: MediaStream
  readonly #watch: PlaybackWatch
  readonly #stopWatching: () => void
  #meter: ReturnType<typeof makeLevelMeter> | undefined
  #source: MediaStreamAudioSourceNode | undefined

  /** Plays the stream through the speaker `deviceId`. */
  constructor(stream: MediaStream, context: AudioContext, watch: PlaybackWatch, deviceId: string) {
    this.#stream = stream
    this.#watch = watch
    const element = this.#element
    element.autoplay = true
    element.srcObject = stream
    // A speaker that is gone by now: the system's plays.
    if (deviceId !== "") element.setSinkId(deviceId).catch(() => undefined)
    this.measure(context)
    // The browser stops it for a phone call, say.
    element.onpause = () => watch.check()
    element.onplaying = () => watch.check()
    this.#stopWatching = watch.add({
      required: true,
      isBlocked: () => element.paused && stream.active,
      start: () => element.play()
    })
  }

  /** Measures in this context from now on. */
  measure(context: AudioContext): void {
    this.#source?.disconnect()
    this.#meter = makeLevelMeter(context)
    this.#source = measure(context, this.#stream, this.#meter)
  }

  setMuted(muted: boolean): void {
    this.#element.muted = muted
  }

  async setOutputDevice(deviceId: string): Promise<void> {
    await this.#element.setSinkId(deviceId)
    // A change of speaker may pause it.
    this.#watch.check()
  }

  /** The RMS level of what is played, 0..1. */
  get level(): number {
    return this.#element.muted ? 0 : this.#meter?.read() ?? 0
  }

  close(): void {
    this.#stopWatching()
    this.#source?.disconnect()
    this.#element.onpause = null
    this.#element.onplaying = null
    this.#element.srcObject = null
  }
}
