/**
 * A voice conversation with an effect-voice server, from a web page.
 *
 * `VoiceClient.connect` opens the microphone, creates a session (or joins one that the application's own backend
 * created), attaches to it and keeps it attached: a lost link is opened again within the server's resume window. The
 * client owns what it opens; `end` releases all of it.
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
import { Backoff } from "./Backoff.ts"
import type { CallMedia, Levels, Link, SessionTarget } from "./CallMedia.ts"
import {
  type AgentSpeech,
  type ClientMessage,
  fitsMessage,
  type ServerMessage,
  type SessionState,
  type ToolActivity,
  type UserSpeech
} from "./ClientProtocol.ts"
import { type LiveKitClient, makeLiveKitMedia } from "./LiveKitMedia.ts"
import {
  type AudioDevices,
  closeMicrophone,
  listDevices,
  type MicrophoneOptions,
  openMicrophone
} from "./Microphone.ts"
import { createSession } from "./SessionApi.ts"
import { sleep } from "./Sleep.ts"
import { replaced, VoiceClientError } from "./VoiceClientError.ts"
import { makeWebRtcMedia } from "./WebRtcMedia.ts"
import { makeWebSocketMedia } from "./WebSocketMedia.ts"

/** How long `session.started` may take once the link is open. */
const START_TIMEOUT_MS = 15_000
/** Long enough for a server with too much to do to be relieved, or for another to stand in for one that drains. */
const PATIENCE_MS = 10_000

/**
 * A session that was created already, with what its creator was told: `protocol` and `connectionUrl` where there is a
 * protocol.
 *
 * @category models
 * @since 0.1.0
 */
export interface JoinedSession {
  readonly id: string
  readonly token: string
  readonly protocol?: string | undefined
  readonly connectionUrl?: string | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ConnectOptions {
  /** The server's base URL; default: the page's origin. */
  readonly url?: string | undefined
  /** Default `websocket`. Not looked at where the server's provider is LiveKit. */
  readonly transport?: "websocket" | "webrtc" | undefined
  /** Who is speaking, for the server's limits and records; default: `guest-` and a random number. */
  readonly userId?: string | undefined
  /** The name of a registered agent; default: the server's. */
  readonly agent?: string | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  /** A session that the application's backend created; then no API key needs to be in the page. */
  readonly session?: JoinedSession | undefined
  /** The microphone; `false` for a conversation in which the user only types. */
  readonly input?: MicrophoneOptions | false | undefined
  readonly output?: { readonly deviceId?: string | undefined } | undefined
  /** Sent with the request that creates the session. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Sent as a bearer token with the request that creates the session. Not for public pages: pass `session` there. */
  readonly apiKey?: string | undefined
  /** WebRTC only; default: what the server suggests. */
  readonly iceServers?: ReadonlyArray<RTCIceServer> | undefined
  /**
   * Loads `livekit-client`, where the server's provider is LiveKit: `() => import("livekit-client")`. It is the page's to
   * say, so that nobody else's page bundles it.
   */
  readonly livekit?: (() => Promise<LiveKitClient>) | undefined
  /** The folder of `CaptureWorklet.js` and `PlaybackWorklet.js`; default: that of this module. */
  readonly workletUrl?: string | URL | undefined
  /** How long a lost link is tried again, in milliseconds; default 60,000, the server's resume window. */
  readonly resumeWindowMs?: number | undefined
  /**
   * How long a server that has no session free is asked again before `connect` fails `session_limit_exceeded`, in
   * milliseconds; default 10,000. 0 fails at once.
   */
  readonly patienceMs?: number | undefined
  /** Cancels connecting; after that it has no effect. */
  readonly signal?: AbortSignal | undefined
}

/**
 * The link to the server: `reconnecting` after a loss, `ended` for good. `resumed` tells, when it is connected again,
 * that the conversation goes on.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectionChange {
  readonly state: "connected" | "reconnecting" | "ended"
  readonly attempt: number
  readonly resumed: boolean
}

/**
 * Why a call ended: the server's reason, `ended_by_user`, or the code of `error`.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallEnded {
  readonly reason: string
  readonly error: VoiceClientError | undefined
}

/**
 * Every event of a call, by name: the server's messages as they come, and what the client adds.
 *
 * @category models
 * @since 0.1.0
 */
export type VoiceClientEvents =
  & { readonly [Type in Exclude<ServerMessage["type"], `tool.${string}`>]: Extract<ServerMessage, { type: Type }> }
  & {
    readonly [Type in UserSpeech["type"]]: UserSpeech
  }
  & { readonly [Type in AgentSpeech["type"]]: AgentSpeech }
  & {
    /** Any `tool.*` message. */
    readonly tool: ToolActivity
    /** Any message of the server. */
    readonly message: ServerMessage
    readonly connection: ConnectionChange
    /** Last of all, exactly once. */
    readonly ended: CallEnded
    /** The microphone went away in the middle of the call, unplugged or withdrawn; the call goes on without. */
    readonly "microphone.lost": VoiceClientError
    /** The microphone was muted or unmuted. */
    readonly muted: boolean
  }

type Listener = (event: never) => void

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
    const context = makeContext()
    let stream: MediaStream | undefined
    let media: CallMedia | undefined
    try {
      stream = options.input === false ? undefined : await openMicrophone(options.input ?? {})
      void context.resume()
      const baseUrl = new URL(options.url ?? "/", location.href).href.split(/[?#]/)[0]!.replace(/\/+$/, "")
      throwIfAborted(abort.signal)
      const session: JoinedSession & { iceServers?: Array<RTCIceServer> | undefined } = options.session ??
        await createSession({
          baseUrl,
          headers: { ...options.headers, ...(options.apiKey ? { authorization: `Bearer ${options.apiKey}` } : {}) },
          body: {
            user_id: options.userId ?? `guest-${crypto.getRandomValues(new Uint32Array(1))[0]!.toString(16)}`,
            transport: options.transport ?? "websocket",
            ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
            ...(options.agent === undefined ? {} : { agent: options.agent })
          },
          signal: abort.signal,
          patienceMs: options.patienceMs ?? PATIENCE_MS
        })
      media = await mediaOf(session, options, context, stream)
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
  readonly #listeners = new Map<string, Set<Listener>>()
  #stream: MediaStream | undefined
  #link: Link | undefined
  #generation = 0
  #state: SessionState = "idle"
  #connection: "connecting" | ConnectionChange["state"] = "connecting"
  #muted = false
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
    this.#adopt(stream)
  }

  /** The session's id on the server. */
  get sessionId(): string {
    return this.#target.id
  }

  /** The session's state as the server last told it; `closed` once ended. */
  get state(): SessionState {
    return this.#state
  }

  /** The state of the link. */
  get connection(): "connecting" | ConnectionChange["state"] {
    return this.#connection
  }

  /** Whether the microphone is muted. */
  get muted(): boolean {
    return this.#muted
  }

  /** Whether the call has a microphone at all. */
  get hasMicrophone(): boolean {
    return this.#stream !== undefined
  }

  /** The voices' RMS levels right now, 0..1; meant to be read once per animation frame. */
  get levels(): Levels {
    return this.#ended ? { user: 0, agent: 0 } : this.#media.levels()
  }

  /** Calls `listener` on every such event, until the returned function is called. */
  on<Type extends keyof VoiceClientEvents>(
    type: Type,
    listener: (event: VoiceClientEvents[Type]) => void
  ): () => void {
    const listeners = this.#listeners.get(type) ?? new Set<Listener>()
    this.#listeners.set(type, listeners)
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
    }
  }

  /** Sends silence instead of the microphone. */
  mute(): void {
    this.#setMuted(true)
  }

  /** Sends the microphone again. */
  unmute(): void {
    this.#setMuted(false)
  }

  /** Changes, or adds, the microphone in the middle of the call. Rejects like `connect`; the former one stays then. */
  async setInputDevice(deviceId: string): Promise<void> {
    const options = this.#options.input === false ? {} : this.#options.input ?? {}
    const stream = await openMicrophone({ ...options, deviceId })
    if (this.#ended) return closeMicrophone(stream)
    const former = this.#stream
    await this.#media.setMicrophone(stream)
    this.#adopt(stream)
    closeMicrophone(former)
  }

  /** Changes the speaker. Rejects with `unsupported_browser` where pages cannot choose it. */
  async setOutputDevice(deviceId: string): Promise<void> {
    try {
      await this.#media.setOutputDevice(deviceId)
    } catch (cause) {
      throw new VoiceClientError("unsupported_browser", "This browser cannot play on that speaker.", { cause })
    }
  }

  /** Says something in writing; the agent answers aloud. Throws `invalid_config` when it exceeds 64 KiB. */
  sendText(text: string): void {
    const message: ClientMessage = { type: "user.text", text }
    if (!fitsMessage(message)) throw new VoiceClientError("invalid_config", "That text is too long to send.")
    this.#link?.send(message)
  }

  /** Stops the agent's reply. */
  interrupt(): void {
    this.#link?.send({ type: "agent.interrupt" })
  }

  /** Ends the session and releases microphone, speaker and link. Doing it twice is harmless. */
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
    // It may fail before anyone waits for it.
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
          return failed?.(error ?? new VoiceClientError("connection_failed", "The server closed the call at once."))
        }
        if (error !== undefined) this.#finish({ reason: error.code, error })
        else if (closed) this.#finish({ reason: "closed", error: undefined })
        else void this.#reattach()
      }
    }, this.#abort.signal)
    const onAbort = () => failed?.(new VoiceClientError("aborted", "The call was cancelled."))
    this.#abort.signal.addEventListener("abort", onAbort)
    const timer = setTimeout(
      () => failed?.(new VoiceClientError("connection_timeout", "The server did not start the conversation in time.")),
      START_TIMEOUT_MS
    )
    try {
      const { resumed } = await ready
      throwIfAborted(this.#abort.signal)
      settled = true
      this.#link = link
      this.#connection = "connected"
      this.#emit("connection", { state: "connected", attempt: 0, resumed })
    } catch (error) {
      link.close()
      throw error
    } finally {
      clearTimeout(timer)
      this.#abort.signal.removeEventListener("abort", onAbort)
    }
  }

  /** Another process goes on with the session. */
  #follow(): void {
    const link = this.#link
    // what the former link still says is of no interest
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
      this.#emit("connection", { state: "reconnecting", attempt: backoff.attempt + 1, resumed: false })
      const waitMs = backoff.next(performance.now() - lostAt, Math.random())
      if (this.#ended) return
      if (waitMs === undefined) {
        const error = new VoiceClientError("connection_lost", "The connection was lost and did not come back.")
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
    this.#emit("message", message)
    if (message.type.startsWith("tool.")) this.#dispatch("tool", message)
    else this.#dispatch(message.type, message)
    if (message.type === "session.ended") {
      if (message.reason === "taken_over") return this.#follow()
      this.#finish({ reason: message.reason, error: undefined })
    }
    if (message.type === "connection.detached" && message.reason === "replaced") {
      const error = replaced()
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
    closeMicrophone(this.#stream)
    this.#emit("connection", { state: "ended", attempt: 0, resumed: false })
    this.#emit("ended", ended)
    this.#listeners.clear()
  }

  #setMuted(muted: boolean): void {
    if (this.#muted === muted) return
    this.#muted = muted
    for (const track of this.#stream?.getAudioTracks() ?? []) track.enabled = !muted
    this.#emit("muted", muted)
  }

  #adopt(stream: MediaStream | undefined): void {
    this.#stream = stream
    for (const track of stream?.getAudioTracks() ?? []) {
      track.enabled = !this.#muted
      track.onended = () => {
        if (this.#stream !== stream || this.#ended) return
        const text = "The microphone went away. Plug it in again or choose another."
        this.#emit("microphone.lost", new VoiceClientError("microphone_missing", text))
      }
    }
  }

  #emit<Type extends keyof VoiceClientEvents>(type: Type, event: VoiceClientEvents[Type]): void {
    this.#dispatch(type, event)
  }

  #dispatch(type: string, event: unknown): void {
    for (const listener of Array.from(this.#listeners.get(type) ?? [])) {
      try {
        // `on` ties each listener's parameter to its type; the map has forgotten which is which.
        listener(event as never)
      } catch (error) {
        // A listener's fault is the page's to see, and must not break the call.
        reportError(error)
      }
    }
  }
}

/** The media of a session: LiveKit's where the server says so, else those that were asked for. */
const mediaOf = async (
  session: JoinedSession & { readonly iceServers?: ReadonlyArray<RTCIceServer> | undefined },
  options: ConnectOptions,
  context: AudioContext,
  stream: MediaStream | undefined
): Promise<CallMedia> => {
  if (session.protocol === "livekit") return await makeLiveKitMedia({ context, stream, load: options.livekit })
  return options.transport === "webrtc"
    ? makeWebRtcMedia({ context, stream, iceServers: [...options.iceServers ?? session.iceServers ?? []] })
    : await makeWebSocketMedia({
      context,
      stream,
      workletBase: options.workletUrl ?? new URL("./", import.meta.url)
    })
}

const makeContext = (): AudioContext => {
  if (typeof AudioContext === "undefined" || (globalThis.isSecureContext && typeof AudioWorkletNode === "undefined")) {
    throw new VoiceClientError("unsupported_browser", "This browser is too old for a voice call.")
  }
  return new AudioContext({ latencyHint: "interactive" })
}

// Anything else may pass: the server restarts, the network changes, the session limit frees up.
const isFinal = (error: VoiceClientError): boolean =>
  ["session_not_found", "session_replaced", "authentication_failed", "authorization_failed", "aborted"].includes(
    error.code
  )

const throwIfAborted = (signal: AbortSignal): void => {
  if (signal.aborted) throw new VoiceClientError("aborted", "The call was cancelled.")
}
