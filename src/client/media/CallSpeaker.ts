/**
 * The speaker that the user has chosen: when it is unplugged the system's plays, and when it is back it plays again.
 *
 * @since 0.1.0
 */
import { listDevices } from "../audio/Microphone.ts"
import { VoiceClientError } from "../VoiceClientError.ts"

/**
 * What a call's speaker needs of the call.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallSpeakerOptions {
  /** Plays through this speaker; the empty id is the system's choice. */
  readonly apply: (deviceId: string) => Promise<void>
  /** The chosen speaker is gone. */
  readonly onLost: (error: VoiceClientError) => void
  /** It is back. */
  readonly onRestored: () => void
}

/**
 * @category models
 * @since 0.1.0
 */
export class CallSpeaker {
  readonly #call: CallSpeakerOptions
  #chosen = ""
  #lost = false
  #latest = 0
  #changing: Promise<void> = Promise.resolve()

  constructor(call: CallSpeakerOptions) {
    this.#call = call
  }

  /**
   * Changes the speaker, one change after the other; one that a later choice has overtaken is left out. Rejects with
   * `unsupported_browser`, and then keeps the former.
   */
  choose(deviceId: string): Promise<void> {
    return this.#enqueue(async () => {
      try {
        await this.#call.apply(deviceId)
      } catch (cause) {
        throw new VoiceClientError("unsupported_browser", "This browser cannot play through that speaker.", { cause })
      }
      this.#chosen = deviceId
      if (!this.#lost) return
      this.#lost = false
      this.#call.onRestored()
    })
  }

  /** Chooses a speaker that may be gone: then the system's plays until it is back. */
  async prefer(deviceId: string): Promise<void> {
    try {
      await this.choose(deviceId)
    } catch {
      this.#chosen = deviceId
      this.#lose()
    }
  }

  /** To be called when the devices have changed. */
  async check(): Promise<void> {
    const chosen = this.#chosen
    if (chosen === "") return
    const { outputs } = await listDevices().catch(() => ({ outputs: [] }))
    // Before the page may use a device, it does not learn which there are.
    if (outputs.length === 0 || chosen !== this.#chosen) return
    const isThere = outputs.some(({ deviceId }) => deviceId === chosen)
    if (isThere && this.#lost) await this.choose(chosen).catch(() => undefined)
    if (isThere || this.#lost) return
    // First, so that a device that comes back meanwhile is noticed.
    this.#lose()
    await this.#enqueue(() => this.#call.apply("")).catch(() => undefined)
  }

  #lose(): void {
    if (this.#lost) return
    this.#lost = true
    const text = "The chosen speaker was disconnected. The system's speaker plays meanwhile."
    this.#call.onLost(new VoiceClientError("speaker_missing", text))
  }

  #enqueue(change: () => Promise<void>): Promise<void> {
    const turn = ++this.#latest
    const run = this.#changing.then(() => turn === this.#latest ? change() : undefined)
    this.#changing = run.catch(() => undefined)
    return run
  }
}
