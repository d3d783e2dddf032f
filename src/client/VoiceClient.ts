/**
 * A voice conversation with an effect-voice server, from a web page.
 *
 * `VoiceClient.connect` opens the microphone, creates a session (or joins one that the application's own backend
 * created), connects to it, and reconnects within the server's resume window when the connection is lost. The client owns
 * what it opens; `end` releases all of it.
 *
 * ```ts
 * import { VoiceClient } from "effect-voice/client"
 *
 * const words = document.body
 * const call = await VoiceClient.connect({ transport: "websocket" })
 * call.on("agent.transcript", ({ text }) => words.append(text))
 * call.on("ended", ({ reason }) => words.append(reason))
 * ```
 *
 * @since 0.1.0
 */
import { type AudioDevices, closeMicrophone, listDevices, openMicrophone } from "./audio/Microphone.ts"
import { Backoff } from "./Backoff.ts"
import type { ConnectOptions } from "./ConnectOptions.ts"
import type { CallMedia, Levels, Link, SessionTarget } from "./media/CallMedia.ts"
import { CallMicrophone } from "./media/CallMicrophone.ts"
import { baseUrlOf, makeAudioContext, openMedia, openSession } from "./media/CallSetup.ts"
import { fitsMessage, type ServerMessage } from "./protocol/ClientProtocol.ts"
import { type ClientMessage, MAX_TEXT_LENGTH, type SessionState } from "./protocol/WireProtocol.ts"
import { sleep } from "./Sleep.ts"
import { isFinal, sessionReplaced, throwIfAborted, VoiceClientError } from "./VoiceClientError.ts"
import { type CallEnded, type ConnectionChange, EventListeners, type VoiceClientEvents } from "./VoiceClientEvents.ts"

/** How long `session.started` may take once the link is open. */
const START_TIMEOUT_MS = 15_000
/**
 * A call in progress.
 *
 * @category models
 * @since 0.1.0
 */
export class VoiceClient {
  /**
   * Opens a call. Call it from a click or key press, or the browser may keep the sound off. Rejects with a
   * `VoiceClientError` and leaves nothing open.
   */
  static async connect(options: ConnectOptions = {}): Promise<VoiceClient> {
    const abort = new AbortController()
    const onAbort = () => abort.abort()
    options.signal?.addEventListener("abort", onAbort)
    if (options.signal?.aborted) onAbort()
    // Made before the first await, while the user's gesture still counts.
    const context = makeAudioContext()
    let stream: MediaStream | undefined
    let media: CallMedia | undefined
    try {
      stream = options.input === false ? undefined : await openMicrophone(options.input ?? {})
      void context.resume()
      const baseUrl = baseUrlOf(options)
      throwIfAborted(abort.signal)
      const session = await openSession(baseUrl, options, abort.signal)
      media = await openMedia(session, options, context, stream)
      if (options.output?.deviceId) await media.setOutputDevice(options.output.deviceId)
      const { connectionUrl, id, token } = session
      const call = new VoiceClient({ baseUrl, id, token, connectionUrl }, media, stream, options, abort)
      await call.#attach()
      return call
    } catch (cause) {
      abort.abort()
      media?.close()
      closeMicrophone(stream)
      if (context.state !== "closed") void context.close()
      throw cause instanceof VoiceClientError
        ? cause
        : new VoiceClientError("connection_failed", "The call could not be set up.", { cause })
    } finally {
      options.signal?.removeEventListener("abort", onAbort)
    }
  }

  /** The microphones and speakers to choose from; labels are empty before the user has allowed the microphone once. */
  static devices(): Promise<AudioDevices> {
    return listDevices()
  }

  readonly #target: SessionTarget
  readonly #media: CallMedia
  readonly #options: ConnectOptions
  readonly #abort: AbortController
  readonly #listeners = new EventListeners()
  readonly #microphone: CallMicrophone
  #link: Link | undefined
  #generation = 0
  #state: SessionState = "idle"
  #connection: "connecting" | ConnectionChange["state"] = "connecting"
  #ended = false

  private constructor(
    target: SessionTarget,
    media: CallMedia,
    stream: MediaStream | undefined,
    options: ConnectOptions,
    abort: AbortController
  ) {
    this.#target = target
    this.#media = media
    this.#options = options
    this.#abort = abort
    this.#microphone = new CallMicrophone(stream, (error) => {
      if (!this.#ended) this.#listeners.emit("microphone.lost", error)
    })
  }

  /** The session's id on the server. */
  get sessionId(): string {
    return this.#target.id
  }

  /** The state of the session in the server's latest event; `closed` once the call has ended. */
  get state(): SessionState {
    return this.#state
  }

  /** The state of the connection. */
  get connection(): "connecting" | ConnectionChange["state"] {
    return this.#connection
  }

  /** Whether the microphone is muted. */
  get muted(): boolean {
    return this.#microphone.muted
  }

  /** Whether the call has a microphone at all. */
  get hasMicrophone(): boolean {
    return this.#microphone.exists
  }

  /** The RMS levels of both voices, 0..1; to be read once per animation frame. */
  get levels(): Levels {
    return this.#ended ? { user: 0, agent: 0 } : this.#media.levels()
  }

  /** Calls `listener` on every such event, until the returned function is called. */
  on<Type extends keyof VoiceClientEvents>(
    type: Type,
    listener: (event: VoiceClientEvents[Type]) => void
  ): () => void {
    return this.#listeners.add(type, listener)
  }

  /** Sends silence instead of the microphone. */
  mute(): void {
    this.#setMuted(true)
  }

  /** Sends the microphone again. */
  unmute(): void {
    this.#setMuted(false)
  }

  /** Changes or adds the microphone during the call. Rejects like `connect`, and then keeps the former one. */
  async setInputDevice(deviceId: string): Promise<void> {
    const options = this.#options.input === false ? {} : this.#options.input ?? {}
    const stream = await openMicrophone({ ...options, deviceId })
    this.#microphone.prepare(stream)
    try {
      if (!this.#ended) await this.#media.setMicrophone(stream)
    } catch (error) {
      closeMicrophone(stream)
      throw error
    }
    if (this.#ended) return closeMicrophone(stream)
    this.#microphone.replace(stream)
  }

  /** Changes the speaker. Rejects with `unsupported_browser` where a page cannot choose it. */
  async setOutputDevice(deviceId: string): Promise<void> {
    try {
      await this.#media.setOutputDevice(deviceId)
    } catch (cause) {
      throw new VoiceClientError("unsupported_browser", "This browser cannot play through that speaker.", { cause })
    }
  }

  /** Sends a typed turn; the agent answers aloud. Throws `invalid_config` when it is too long. */
  sendText(text: string): void {
    const message: ClientMessage = { type: "user.text", text }
    if (!fitsMessage(message)) {
      throw new VoiceClientError("invalid_config", `The text is too long: at most ${MAX_TEXT_LENGTH} characters.`)
    }
    this.#link?.send(message)
  }

  /** Stops the agent's reply; an `error` event follows when it is one that may not be interrupted, and it goes on. */
  interrupt(): void {
    this.#link?.send({ type: "agent.interrupt" })
  }

  /** Ends the session and releases microphone, speaker and connection. May be called twice. */
  end(): void {
    this.#link?.send({ type: "session.end" })
    this.#finish({ reason: "ended_by_user", error: undefined })
  }

  async #attach(): Promise<void> {
    const generation = ++this.#generation
    let started: ((message: { readonly resumed: boolean }) => void) | undefined
    let failed: ((error: VoiceClientError) => void) | undefined
    const ready = new Promise<{ readonly resumed: boolean }>((resolve, reject) => {
      started = resolve
      failed = reject
    })
    // It may reject before it is awaited.
    ready.catch(() => undefined)
    const isCurrent = () => generation === this.#generation && !this.#ended
    let settled = false
    const link = await this.#media.attach(this.#target, {
      message: (message) => {
        if (!isCurrent()) return
        if (message.type === "session.started") started?.(message)
        this.#receive(message)
      },
      lost: ({ closed, error }) => {
        if (!isCurrent()) return
        if (!settled) {
          return failed?.(
            error ??
              new VoiceClientError("connection_failed", "The server closed the connection before the session started.")
          )
        }
        if (error !== undefined) this.#finish({ reason: error.code, error })
        else if (closed) this.#finish({ reason: "closed", error: undefined })
        else void this.#reattach()
      }
    }, this.#abort.signal)
    const onAbort = () => failed?.(new VoiceClientError("aborted", "The call was cancelled."))
    this.#abort.signal.addEventListener("abort", onAbort)
    const timer = setTimeout(
      () => failed?.(new VoiceClientError("connection_timeout", "The server did not start the session in time.")),
      START_TIMEOUT_MS
    )
    try {
      const { resumed } = await ready
      throwIfAborted(this.#abort.signal)
      settled = true
      this.#link = link
      this.#connection = "connected"
      this.#listeners.emit("connection", { state: "connected", attempt: 0, resumed })
    } catch (error) {
      link.close()
      throw error
    } finally {
      clearTimeout(timer)
      this.#abort.signal.removeEventListener("abort", onAbort)
    }
  }

  /** Another process continues the session. */
  #reattachElsewhere(): void {
    const link = this.#link
    // Ignores what the former link still delivers.
    this.#generation++
    void this.#reattach()
    link?.close()
  }

  async #reattach(): Promise<void> {
    this.#link = undefined
    this.#connection = "reconnecting"
    const backoff = new Backoff({ windowMs: this.#options.resumeWindowMs })
    const lostAt = performance.now()
    for (;;) {
      this.#listeners.emit("connection", { state: "reconnecting", attempt: backoff.attempt + 1, resumed: false })
      const waitMs = backoff.next(performance.now() - lostAt, Math.random())
      if (this.#ended) return
      if (waitMs === undefined) {
        const error = new VoiceClientError("connection_lost", "The connection was lost and could not be restored.")
        return this.#finish({ reason: error.code, error })
      }
      await sleep(waitMs, this.#abort.signal)
      if (this.#ended) return
      try {
        return await this.#attach()
      } catch (cause) {
        if (this.#ended) return
        if (cause instanceof VoiceClientError && isFinal(cause)) {
          return this.#finish({ reason: cause.code, error: cause })
        }
      }
    }
  }

  #receive(message: ServerMessage): void {
    this.#media.onMessage(message)
    if (message.type === "session.state") this.#state = message.state
    this.#listeners.emit("message", message)
    this.#listeners.emit(message.type, message)
    if (message.type === "session.ended") {
      if (message.reason === "taken_over") return this.#reattachElsewhere()
      this.#finish({ reason: message.reason, error: undefined })
    }
    if (message.type === "connection.detached" && message.reason === "replaced") {
      const error = sessionReplaced()
      this.#finish({ reason: error.code, error })
    }
  }

  #finish(ended: CallEnded): void {
    if (this.#ended) return
    this.#ended = true
    this.#state = "closed"
    this.#connection = "ended"
    this.#abort.abort()
    this.#link?.close()
    this.#media.close()
    this.#microphone.close()
    this.#listeners.emit("connection", { state: "ended", attempt: 0, resumed: false })
    this.#listeners.emit("ended", ended)
    this.#listeners.clear()
  }

  #setMuted(muted: boolean): void {
    if (this.#microphone.setMuted(muted)) this.#listeners.emit("muted", muted)
  }
}
