/**
 * The audio of a call whose voices are WebRTC tracks: the user's microphone and its level, and the voices of the others.
 *
 * Shared by the WebRTC and the LiveKit media; it owns the audio context and closes it.
 *
 * @since 0.1.0
 */
import type { ServerMessage } from "../protocol/ClientProtocol.ts"
import type { CallContext } from "./CallContext.ts"
import { type Levels, makeLevelMeter, measure } from "./CallMedia.ts"
import type { PlaybackWatch } from "./PlaybackWatch.ts"
import { RemoteVoices } from "./RemoteVoices.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class TrackAudio {
  readonly #context: CallContext
  readonly #voices: RemoteVoices
  #userMeter: ReturnType<typeof makeLevelMeter>
  #stream: MediaStream | undefined
  #source: MediaStreamAudioSourceNode | undefined

  constructor(context: CallContext, watch: PlaybackWatch, stream: MediaStream | undefined) {
    this.#context = context
    this.#userMeter = makeLevelMeter(context.current)
    this.#voices = new RemoteVoices(watch)
    if (stream !== undefined) this.setMicrophone(stream)
    // It only measures: the elements play without it.
    context.watch(watch, false, (next) => this.#measureIn(next))
  }

  /** The microphone. */
  get stream(): MediaStream | undefined {
    return this.#stream
  }

  /** The microphone's track, to be sent. */
  get track(): MediaStreamTrack | undefined {
    return this.#stream?.getAudioTracks()[0]
  }

  setMicrophone(stream: MediaStream): void {
    this.#source?.disconnect()
    this.#stream = stream
    this.#source = measure(this.#context.current, stream, this.#userMeter)
  }

  /**
   * Changes the microphone while `send` sends the new track. When that fails, the former microphone is back: the next
   * connection must not send a stream that its owner has closed.
   */
  async changeMicrophone(
    stream: MediaStream,
    send: (track: MediaStreamTrack | undefined) => Promise<void>
  ): Promise<void> {
    const former = this.#stream
    this.setMicrophone(stream)
    try {
      await send(this.track)
    } catch (error) {
      if (former !== undefined) this.setMicrophone(former)
      else this.#removeMicrophone()
      throw error
    }
  }

  /**
   * Calls `send` with the microphone's track, and again while it has changed meanwhile: a microphone that is chosen while a
   * connection is made is the one that is sent.
   */
  async sendTrack(
    sent: MediaStreamTrack | undefined,
    send: (track: MediaStreamTrack | undefined) => Promise<void>
  ): Promise<void> {
    let last = sent
    while (last !== this.track) {
      last = this.track
      await send(last)
    }
  }

  /** Plays a voice until it is removed. */
  play(id: string, stream: MediaStream, isAgent: () => boolean): void {
    this.#voices.add(id, stream, this.#context.current, isAgent)
  }

  remove(id: string): void {
    this.#voices.remove(id)
  }

  /** Removes all voices. */
  clear(): void {
    this.#voices.clear()
  }

  onMessage(message: ServerMessage): void {
    this.#voices.onMessage(message)
  }

  async setOutputDevice(deviceId: string): Promise<void> {
    await this.#voices.setOutputDevice(deviceId)
  }

  levels(): Levels {
    return { user: this.#source === undefined ? 0 : this.#userMeter.read(), agent: this.#voices.agentLevel }
  }

  close(): void {
    this.#source?.disconnect()
    this.#voices.close()
    this.#context.close()
  }

  #measureIn(context: AudioContext): void {
    this.#userMeter = makeLevelMeter(context)
    if (this.#stream !== undefined) this.setMicrophone(this.#stream)
    this.#voices.measure(context)
  }

  #removeMicrophone(): void {
    this.#source?.disconnect()
    this.#source = undefined
    this.#stream = undefined
  }
}
