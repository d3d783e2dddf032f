/**
 * The microphone of a call: muting, changing it, noticing that it is gone or silenced, and opening it again.
 *
 * @since 0.1.0
 */
import { closeMicrophone, isMicrophoneAllowed, listDevices, type MicrophoneOptions } from "../audio/Microphone.ts"
import { sleep } from "../Sleep.ts"
import { VoiceClientError } from "../VoiceClientError.ts"

/** A microphone that ends more often than this within `REOPENED_MS` is not opened again until the devices change. */
const MAX_REOPENED = 3
const REOPENED_MS = 30_000
/** A device that has just come back may be busy for a moment: how often it is tried, and the wait, longer each time. */
const ATTEMPTS = 4
const BUSY_MS = 500

/**
 * What a call's microphone needs of the call.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallMicrophoneOptions {
  /** The open microphone, and how it was opened. */
  readonly stream: MediaStream | undefined
  readonly options: MicrophoneOptions
  readonly open: (options: MicrophoneOptions) => Promise<MediaStream>
  /** Sends the stream instead of the former. */
  readonly send: (stream: MediaStream) => Promise<void>
  /** The device was disconnected or its permission withdrawn. */
  readonly onLost: (error: VoiceClientError) => void
  /** The system gives silence, as during a phone call. */
  readonly onSilenced: (error: VoiceClientError) => void
  /** After either: the user is heard again. */
  readonly onRestored: () => void
}

/**
 * Owns the stream that it was given last, and stops it when it is replaced or closed.
 *
 * @category models
 * @since 0.1.0
 */
export class CallMicrophone {
  readonly #call: CallMicrophoneOptions
  #options: MicrophoneOptions
  #stream: MediaStream | undefined
  #muted = false
  #lost = false
  #silenced = false
  readonly #end = new AbortController()
  #recovering = false
  #latest = 0
  #pending = 0
  #changing: Promise<void> = Promise.resolve()
  #reopened: Array<number> = []

  constructor(call: CallMicrophoneOptions) {
    this.#call = call
    this.#options = call.options
    this.#use(call.stream)
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
    if (this.#stream !== undefined) this.#enable(this.#stream)
    return true
  }

  /**
   * Opens another microphone and sends it. Changes are made one after the other, and one that a later choice has overtaken is
   * left out. Rejects like `open` and `send`, and then keeps the former microphone.
   */
  change(deviceId: string): Promise<void> {
    return this.#enqueue({ ...this.#options, deviceId })
  }

  /**
   * Opens a lost microphone again, if its device is there and the page may use it without asking. Rejects like `open` and
   * `send`, after some attempts where it is busy.
   */
  async recover(): Promise<void> {
    if (this.#recovering) return
    this.#recovering = true
    try {
      for (let attempt = 1;; attempt++) {
        try {
          return await this.#reopen()
        } catch (error) {
          const isBusy = error instanceof VoiceClientError && error.code === "microphone_failed"
          if (!isBusy || attempt === ATTEMPTS) throw error
          await sleep(attempt * BUSY_MS, this.#end.signal)
        }
      }
    } finally {
      this.#recovering = false
    }
  }

  async #reopen(): Promise<void> {
    // A change in progress restores it, too.
    const isIdle = () => this.#lost && !this.#closed && this.#pending === 0
    if (!isIdle()) return
    const { deviceId } = this.#options
    const { inputs } = await listDevices()
    const isThere = inputs.length > 0 && (!deviceId || inputs.some((input) => input.deviceId === deviceId))
    if (!isThere || !await isMicrophoneAllowed()) return
    if (isIdle()) await this.#enqueue(this.#options)
  }

  close(): void {
    this.#end.abort()
    closeMicrophone(this.#stream)
  }

  get #closed(): boolean {
    return this.#end.signal.aborted
  }

  #enqueue(options: MicrophoneOptions): Promise<void> {
    const turn = ++this.#latest
    const isOver = () => this.#closed || turn !== this.#latest
    this.#pending++
    const change = this.#changing.then(() => this.#replace(options, isOver)).finally(() => this.#pending--)
    this.#changing = change.catch(() => undefined)
    return change
  }

  async #replace(options: MicrophoneOptions, isOver: () => boolean): Promise<void> {
    if (isOver()) return
    const stream = await this.#call.open(options)
    if (isOver()) return closeMicrophone(stream)
    // It may be sent before it replaces the former.
    this.#enable(stream)
    try {
      await this.#call.send(stream)
    } catch (cause) {
      closeMicrophone(stream)
      if (cause instanceof VoiceClientError) throw cause
      throw new VoiceClientError("microphone_failed", "The microphone was opened, and could not be used.", { cause })
    }
    if (this.#closed) return closeMicrophone(stream)
    const former = this.#stream
    this.#options = options
    this.#use(stream)
    closeMicrophone(former)
    if (this.#lost || this.#silenced) {
      this.#lost = false
      this.#silenced = false
      this.#call.onRestored()
    }
  }

  #enable(stream: MediaStream): void {
    for (const track of stream.getAudioTracks()) track.enabled = !this.#muted
  }

  #use(stream: MediaStream | undefined): void {
    this.#stream = stream
    if (stream === undefined) return
    this.#enable(stream)
    for (const track of stream.getAudioTracks()) {
      const ifPresent = (handle: () => void) => () => {
        if (this.#stream === stream && !this.#closed) handle()
      }
      const onEnded = ifPresent(() => this.#onEnded())
      track.onended = onEnded
      // It may have been unplugged before anybody listened.
      if (track.readyState === "ended") queueMicrotask(onEnded)
      const onMute = ifPresent(() => this.#onSilenced())
      track.onmute = onMute
      // As where the call is opened during a phone call.
      if (track.muted) queueMicrotask(onMute)
      track.onunmute = ifPresent(() => this.#onUnsilenced())
    }
  }

  #onEnded(): void {
    if (this.#lost) return
    this.#lost = true
    const text = "The microphone was disconnected. Plug it in again or choose another."
    this.#call.onLost(new VoiceClientError("microphone_missing", text))
    const now = performance.now()
    this.#reopened = this.#reopened.filter((at) => now - at < REOPENED_MS)
    if (this.#reopened.length >= MAX_REOPENED) return
    this.#reopened.push(now)
    // Where the system's default was used, that is another device by now.
    this.recover().catch(() => undefined)
  }

  #onSilenced(): void {
    if (this.#silenced || this.#lost) return
    this.#silenced = true
    const text = "The system has silenced the microphone. A phone call or another program may be using it."
    this.#call.onSilenced(new VoiceClientError("microphone_silenced", text))
  }

  #onUnsilenced(): void {
    if (!this.#silenced) return
    this.#silenced = false
    this.#call.onRestored()
  }
}
