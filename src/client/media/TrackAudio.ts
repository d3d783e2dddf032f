/**
 * The audio of a call whose voices are WebRTC tracks: the user's microphone and its level, and the agent's voice.
 *
 * Shared by the WebRTC and the LiveKit media; it owns the audio context and closes it.
 *
 * @since 0.1.0
 */
import type { ServerMessage } from "../protocol/ClientProtocol.ts"
import { type Levels, makeLevelMeter } from "./CallMedia.ts"
import { RemoteVoice } from "./RemoteVoice.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class TrackAudio {
  readonly #context: AudioContext
  readonly #userMeter: ReturnType<typeof makeLevelMeter>
  readonly #agent: RemoteVoice
  #stream: MediaStream | undefined
  #source: MediaStreamAudioSourceNode | undefined

  constructor(context: AudioContext, stream: MediaStream | undefined) {
    this.#context = context
    this.#userMeter = makeLevelMeter(context)
    this.#agent = new RemoteVoice(context)
    if (stream !== undefined) this.setMicrophone(stream)
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
    this.#source = this.#context.createMediaStreamSource(stream)
    this.#source.connect(this.#userMeter.node)
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

  /** Plays the agent's voice from this stream. */
  play(stream: MediaStream): void {
    this.#agent.play(stream)
  }

  onMessage(message: ServerMessage): void {
    this.#agent.onMessage(message)
  }

  async setOutputDevice(deviceId: string): Promise<void> {
    await this.#agent.setOutputDevice(deviceId)
  }

  levels(): Levels {
    return { user: this.#source === undefined ? 0 : this.#userMeter.read(), agent: this.#agent.level }
  }

  close(): void {
    this.#source?.disconnect()
    this.#agent.close()
    if (this.#context.state !== "closed") void this.#context.close()
  }

  #removeMicrophone(): void {
    this.#source?.disconnect()
    this.#source = undefined
    this.#stream = undefined
  }
}
