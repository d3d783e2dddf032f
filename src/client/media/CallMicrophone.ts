/**
 * The microphone of a call: muting, replacing it, and noticing when it is disconnected.
 *
 * @since 0.1.0
 */
import { closeMicrophone } from "../audio/Microphone.ts"
import { VoiceClientError } from "../VoiceClientError.ts"

/**
 * Owns the stream that it was given last, and stops it when it is replaced or closed.
 *
 * @category models
 * @since 0.1.0
 */
export class CallMicrophone {
  readonly #onLost: (error: VoiceClientError) => void
  #stream: MediaStream | undefined
  #muted = false

  /** `onLost` is called when the present stream's device is disconnected or its permission withdrawn. */
  constructor(stream: MediaStream | undefined, onLost: (error: VoiceClientError) => void) {
    this.#onLost = onLost
    this.#use(stream)
  }

  get muted(): boolean {
    return this.#muted
  }

  get exists(): boolean {
    return this.#stream !== undefined
  }

  /** Returns whether this changed anything. */
  setMuted(muted: boolean): boolean {
    if (this.#muted === muted) return false
    this.#muted = muted
    for (const track of this.#stream?.getAudioTracks() ?? []) track.enabled = !muted
    return true
  }

  /** Mutes a stream that is about to replace the present one, if that is muted: it may be sent before it replaces it. */
  prepare(stream: MediaStream): void {
    for (const track of stream.getAudioTracks()) track.enabled = !this.#muted
  }

  replace(stream: MediaStream): void {
    const former = this.#stream
    this.#use(stream)
    closeMicrophone(former)
  }

  close(): void {
    closeMicrophone(this.#stream)
  }

  #use(stream: MediaStream | undefined): void {
    this.#stream = stream
    for (const track of stream?.getAudioTracks() ?? []) {
      track.enabled = !this.#muted
      track.onended = () => {
        if (this.#stream !== stream) return
        const text = "The microphone was disconnected. Plug it in again or choose another."
        this.#onLost(new VoiceClientError("microphone_missing", text))
      }
    }
  }
}
