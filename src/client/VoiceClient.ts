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
import type { ConnectOptions } from "./ConnectOptions.ts"
import { CallConnection, isTakenOver } from "./media/CallConnection.ts"
import { CallContext } from "./media/CallContext.ts"
import type { CallMedia, Levels } from "./media/CallMedia.ts"
import { CallMicrophone } from "./media/CallMicrophone.ts"
import {
  addressesOf,
  baseUrlOf,
  leaveSession,
  makeAudioContext,
  openMedia,
  openSession,
  type ReachableSession
} from "./media/CallSetup.ts"
import { CallSpeaker } from "./media/CallSpeaker.ts"
import { watchPage } from "./media/PageEvents.ts"
import { PlaybackWatch } from "./media/PlaybackWatch.ts"
import { limitFault, type ServerMessage } from "./protocol/ClientProtocol.ts"
import type { ClientMessage, SessionState } from "./protocol/WireProtocol.ts"
import { orAborted } from "./Sleep.ts"
import { sessionNotFound, sessionReplaced, throwIfAborted, VoiceClientError } from "./VoiceClientError.ts"
import { type CallEnded, type ConnectionChange, EventListeners, type VoiceClientEvents } from "./VoiceClientEvents.ts"

const playbackBlocked = () =>
  new VoiceClientError(
    "playback_blocked",
    "The browser keeps the sound off. Click, tap or press a key to hear the agent."
  )

/**
 * A call in progress.
 *
 * @category models
 * @since 0.1.0
 */
export class VoiceClient {
  /**
   * Opens a call. Call it from a click or key press, or the browser may keep the sound off. Rejects with a
   * `VoiceClientError` and leaves nothing open. Listeners that are added at once miss nothing of the session.
   */
  static async connect(options: ConnectOptions = {}): Promise<VoiceClient> {
    // Made before the first await, while the user's gesture still counts.
    const context = new CallContext(makeAudioContext(), makeAudioContext)
    const abort = new AbortController()
    const onAbort = () => abort.abort()
    options.signal?.addEventListener("abort", onAbort)
    if (options.signal?.aborted) onAbort()
    const listeners = new EventListeners()
    listeners.hold()
    const watch = new PlaybackWatch((blocked) =>
      blocked ? listeners.emit("playback.blocked", playbackBlocked()) : listeners.emit("playback.started", undefined)
    )
    let stream: MediaStream | undefined
    let session: ReachableSession | undefined
    let media: CallMedia | undefined
    try {
      throwIfAborted(abort.signal)
      // The browser may ask the user; somebody who cancels meanwhile need not answer.
      const opening = options.input === false ? undefined : openMicrophone(options.input ?? {})
      stream = await orAborted(opening, abort.signal, closeMicrophone)
      void context.current.resume()
      const baseUrl = baseUrlOf(options)
      throwIfAborted(abort.signal)
      session = await openSession(baseUrl, options, abort.signal)
      const making = openMedia(session, options, { context, watch, stream })
      media = await orAborted(making, abort.signal, (late) => late.close())
      const call = new VoiceClient({ session, media, stream, options, abort, listeners, watch })
      await call.#open()
      // Once the page has the call, and listens.
      setTimeout(() => listeners.release())
      return call
    } catch (cause) {
      abort.abort()
      watch.close()
      media?.close()
      closeMicrophone(stream)
      context.close()
      // Otherwise a session that nobody will connect to takes a place until its connect window is over.
      if (session !== undefined && options.session === undefined) leaveSession(session, options)
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

  readonly #session: ReachableSession
  readonly #media: CallMedia
  readonly #options: ConnectOptions
  readonly #abort: AbortController
  readonly #listeners: EventListeners
  readonly #watch: PlaybackWatch
  readonly #microphone: CallMicrophone
  readonly #speaker: CallSpeaker
  readonly #connection: CallConnection
  #stopWatching: (() => void) | undefined
  #state: SessionState = "idle"
  #ended = false

  private constructor(
    { abort, listeners, media, options, session, stream, watch }: {
      readonly session: ReachableSession
      readonly media: CallMedia
      readonly stream: MediaStream | undefined
      readonly options: ConnectOptions
      readonly abort: AbortController
      readonly listeners: EventListeners
      readonly watch: PlaybackWatch
    }
  ) {
    this.#session = session
    this.#media = media
    this.#options = options
    this.#abort = abort
    this.#listeners = listeners
    this.#watch = watch
    this.#microphone = new CallMicrophone({
      stream,
      options: options.input || {},
      open: openMicrophone,
      send: (stream) => media.setMicrophone(stream),
      onLost: (error) => listeners.emit("microphone.lost", error),
      onSilenced: (error) => listeners.emit("microphone.silenced", error),
      onRestored: () => listeners.emit("microphone.restored", undefined)
    })
    this.#speaker = new CallSpeaker({
      apply: (deviceId) => media.setOutputDevice(deviceId),
      onLost: (error) => listeners.emit("speaker.lost", error),
      onRestored: () => listeners.emit("speaker.restored", undefined)
    })
    this.#connection = new CallConnection({
      media,
      target: {
        ...addressesOf(session, options),
        id: session.id,
        token: session.token,
        connectionUrl: session.connectionUrl
      },
      resumeWindowMs: options.resumeWindowMs,
      signal: abort.signal,
      onMessage: (message) => this.#receive(message),
      onChange: (change) => listeners.emit("connection", change),
      onEnded: (ended) => this.#finish(ended)
    })
  }

  /** The session's id on the server. */
  get sessionId(): string {
    return this.#session.id
  }

  /** The state of the session in the server's latest event; `closed` once the call has ended. */
  get state(): SessionState {
    return this.#state
  }

  /** The state of the connection. */
  get connection(): "connecting" | ConnectionChange["state"] {
    return this.#connection.state
  }

  /** Whether the microphone is muted. */
  get muted(): boolean {
    return this.#microphone.muted
  }

  /** Whether the call has a microphone at all. */
  get hasMicrophone(): boolean {
    return this.#microphone.exists
  }

  /** Whether the browser keeps the sound off until the user's next gesture. */
  get playbackBlocked(): boolean {
    return this.#watch.blocked
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

  /**
   * Changes or adds the microphone during the call. Rejects like `connect`, and then keeps the former one. Of choices that
   * follow fast, the last counts.
   */
  async setInputDevice(deviceId: string): Promise<void> {
    if (!this.#ended) await this.#microphone.change(deviceId)
  }

  /** Changes the speaker. Rejects with `unsupported_browser` where a page cannot choose it. */
  async setOutputDevice(deviceId: string): Promise<void> {
    if (!this.#ended) await this.#speaker.choose(deviceId)
  }

  /** Turns the sound on where the browser keeps it off. Call it from a click; any other gesture does so by itself. */
  startPlayback(): void {
    this.#watch.startNow()
  }

  /**
   * Sends a typed turn; the agent answers aloud. While the connection is lost it waits for the next. Throws
   * `invalid_config` with the limit when it is too long, `connection_lost` when too much waits already, and
   * `session_not_found` when the call has ended.
   */
  sendText(text: string): void {
    const message: ClientMessage = { type: "user.text", text }
    const fault = limitFault(message)
    if (fault !== undefined) throw new VoiceClientError("invalid_config", fault.message, { details: fault.details })
    if (this.#ended) throw sessionNotFound()
    this.#connection.send(message)
  }

  /** Stops the agent's reply; an `error` event follows when it is one that may not be interrupted, and it goes on. */
  interrupt(): void {
    if (!this.#ended) this.#connection.send({ type: "agent.interrupt" })
  }

  /** Ends the session and releases microphone, speaker and connection. May be called twice. */
  end(): void {
    if (this.#ended) return
    if (this.#connection.isOpen) this.#connection.send({ type: "session.end" })
    else leaveSession(this.#session, this.#options)
    this.#finish({ reason: "ended_by_user", error: undefined })
  }

  async #open(): Promise<void> {
    const deviceId = this.#options.output?.deviceId
    // A remembered speaker may be unplugged: then the system's is better than no call.
    if (deviceId) await orAborted(this.#speaker.prefer(deviceId), this.#abort.signal, () => undefined)
    await this.#connection.open()
    this.#stopWatching = watchPage({
      returned: () => this.#onReturned(),
      devicesChanged: () => {
        void this.#microphone.recover().catch(() => undefined)
        void this.#speaker.check()
        this.#watch.check()
      }
    })
  }

  /** The page may have slept: everything may have stopped without anybody telling it. */
  #onReturned(): void {
    this.#watch.check()
    this.#connection.returned()
    void this.#microphone.recover().catch(() => undefined)
  }

  #receive(message: ServerMessage): void {
    this.#media.onMessage(message)
    if (message.type === "session.state") this.#state = message.state
    this.#listeners.emit("message", message)
    this.#listeners.emit(message.type, message)
    if (message.type === "session.ended") {
      if (isTakenOver(message)) return this.#connection.moveOn()
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
    // Whoever still waits for the call learns from it why there is none.
    this.#abort.abort(ended.error ?? sessionNotFound(ended.reason))
    this.#stopWatching?.()
    this.#watch.close()
    this.#connection.close()
    this.#media.close()
    this.#microphone.close()
    this.#listeners.emit("connection", { state: "ended", attempt: 0, resumed: false })
    this.#listeners.emit("ended", ended)
    this.#listeners.clear()
  }

  #setMuted(muted: boolean): void {
    if (!this.#microphone.setMuted(muted)) return
    this.#media.setMuted(muted)
    this.#listeners.emit("muted", muted)
  }
}
