/**
 * What a call opens before its first connection: the audio context, the session, and the media of its transport.
 *
 * @since 0.1.0
 */
import type { ConnectOptions, ExistingSession } from "../ConnectOptions.ts"
import { createSession } from "../SessionApi.ts"
import { VoiceClientError } from "../VoiceClientError.ts"
import type { CallContext } from "./CallContext.ts"
import type { CallMedia, SessionTarget } from "./CallMedia.ts"
import { makeLiveKitMedia } from "./LiveKitMedia.ts"
import type { PlaybackWatch } from "./PlaybackWatch.ts"
import { makeWebRtcMedia } from "./WebRtcMedia.ts"
import { endSession } from "./WebSocketLink.ts"
import { makeWebSocketMedia } from "./WebSocketMedia.ts"

/** Long enough for an overloaded server to recover, or for another to replace one that drains. */
const RETRY_WINDOW_MS = 10_000

/**
 * A session and what the server suggests for WebRTC.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReachableSession extends ExistingSession {
  readonly iceServers?: ReadonlyArray<RTCIceServer> | undefined
}

/**
 * Makes the audio context. Call it within a user gesture, or the browser keeps it suspended.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeAudioContext = (): AudioContext => {
  if (typeof AudioContext === "undefined" || (globalThis.isSecureContext && typeof AudioWorkletNode === "undefined")) {
    throw new VoiceClientError("unsupported_browser", "This browser is too old for a voice call.")
  }
  try {
    return new AudioContext({ latencyHint: "interactive" })
  } catch (cause) {
    throw new VoiceClientError("unsupported_browser", "This browser cannot play or record sound now.", { cause })
  }
}

/**
 * The server's base URL, with neither query nor trailing slash.
 *
 * @category constructors
 * @since 0.1.0
 */
export const baseUrlOf = (options: ConnectOptions): string =>
  new URL(options.url ?? "/", location.href).href.split(/[?#]/)[0]!.replace(/\/+$/, "")

/** The base URL at which the server says that the session is. */
const saidBaseOf = ({ connectionUrl = "", protocol }: ReachableSession): string | undefined => {
  if (protocol !== undefined) return undefined
  const [, url] = /^((?:ws|http)s?:\/\/[^?#]*?)\/v1\/sessions\/[^/?#]+\/(?:audio|offer)$/.exec(connectionUrl) ?? []
  return url?.replace(/^ws/, "http")
}

/**
 * Where the session is: at the general URL and, as long as it is there, at the node that the server says. When the application
 * created the session and says no URL, the page may be from a server that knows nothing of it.
 *
 * @category accessors
 * @since 0.1.0
 */
export const addressesOf = (
  session: ReachableSession,
  options: ConnectOptions
): Pick<SessionTarget, "baseUrl" | "otherFirst" | "otherUrl"> => {
  const general = baseUrlOf(options)
  const said = saidBaseOf(session)
  if (said === undefined || said === general) return { baseUrl: general }
  return options.url === undefined && options.session !== undefined
    ? { baseUrl: said, otherUrl: general }
    : { baseUrl: general, otherUrl: said, otherFirst: true }
}

/**
 * The session that the application created, or a new one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const openSession = async (
  baseUrl: string,
  options: ConnectOptions,
  signal: AbortSignal
): Promise<ReachableSession> =>
  options.session ??
    await createSession({
      baseUrl,
      headers: { ...options.headers, ...(options.apiKey ? { authorization: `Bearer ${options.apiKey}` } : {}) },
      body: {
        user_id: options.userId ?? `guest-${crypto.getRandomValues(new Uint32Array(1))[0]!.toString(16)}`,
        transport: options.transport ?? "websocket",
        ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
        ...(options.agent === undefined ? {} : { agent: options.agent })
      },
      signal,
      onLate: (late) => leaveSession(late, options),
      retryWindowMs: options.retryWindowMs ?? RETRY_WINDOW_MS
    })

/**
 * Ends a session that has no connection, in the background: without it, it would take a place until its window is over. A
 * LiveKit provider notices by itself that its user does not come.
 *
 * @category mutations
 * @since 0.1.0
 */
export const leaveSession = (session: ReachableSession, options: ConnectOptions): void => {
  const { id, protocol, token } = session
  if (protocol === undefined) void endSession({ ...addressesOf(session, options), otherFirst: false, id, token })
}

/**
 * The media of a session: LiveKit's where the server says so, otherwise those of the chosen transport.
 *
 * @category constructors
 * @since 0.1.0
 */
export const openMedia = async (
  session: ReachableSession,
  options: ConnectOptions,
  audio: { readonly context: CallContext; readonly watch: PlaybackWatch; readonly stream: MediaStream | undefined }
): Promise<CallMedia> => {
  if (session.protocol === "livekit") return await makeLiveKitMedia({ ...audio, load: options.livekit })
  return options.transport === "webrtc"
    ? makeWebRtcMedia({ ...audio, iceServers: [...options.iceServers ?? session.iceServers ?? []] })
    : await makeWebSocketMedia({ ...audio, workletUrl: options.workletUrl })
}
