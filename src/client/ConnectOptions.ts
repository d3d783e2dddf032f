/**
 * What `VoiceClient.connect` takes.
 *
 * @since 0.1.0
 */
import type { MicrophoneOptions } from "./audio/Microphone.ts"
import type { WorkletUrl } from "./audio/Worklets.ts"
import type { LiveKitClient } from "./media/LiveKitClient.ts"

/**
 * A session that the application's backend created, as `POST /v1/sessions` answered: `protocol` and `connectionUrl` are
 * needed where there is a protocol.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExistingSession {
  /** `id` of the answer. */
  readonly id: string
  /** `token` of the answer: it opens this session only. */
  readonly token: string
  /** `protocol` of the answer, which a provider other than `local` has. */
  readonly protocol?: string | undefined
  /** `connection_url` of the answer. */
  readonly connectionUrl?: string | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ConnectOptions {
  /** The server's base URL; default: that of `session.connectionUrl`, where there is one, or the page's origin. */
  readonly url?: string | undefined
  /** Default `websocket`. Ignored where the server's provider is LiveKit. */
  readonly transport?: "websocket" | "webrtc" | undefined
  /** Who is speaking, for the server's limits and records; default: `guest-` and a random number. */
  readonly userId?: string | undefined
  /** The name of a registered agent; default: the server's. */
  readonly agent?: string | undefined
  /** What the agent and the server's hooks are told of the call, at most 16 KiB of JSON. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  /** A session that the application's backend created; then no API key needs to be in the page. */
  readonly session?: ExistingSession | undefined
  /** The microphone; `false` for a conversation in which the user only types. */
  readonly input?: MicrophoneOptions | false | undefined
  /** The speaker; default: the system's. */
  readonly output?: { readonly deviceId?: string | undefined } | undefined
  /** Sent with the request that creates the session. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Sent as a bearer token with the request that creates the session. Not for public pages: pass `session` there. */
  readonly apiKey?: string | undefined
  /** WebRTC only; default: what the server suggests. */
  readonly iceServers?: ReadonlyArray<RTCIceServer> | undefined
  /**
   * Loads `livekit-client`, where the server's provider is LiveKit: `() => import("livekit-client")`. The page passes it,
   * so that pages without LiveKit do not bundle it.
   */
  readonly livekit?: (() => Promise<LiveKitClient>) | undefined
  /**
   * Where the WebSocket transport's audio worklets are: the folder of `CaptureWorklet.js` and `PlaybackWorklet.js`, or the
   * address of each. Default: they are part of this module and loaded as `blob:` scripts. Needed where the page is bundled
   * and its content security policy forbids those; `effect-voice/client/CaptureWorklet.js` and
   * `effect-voice/client/PlaybackWorklet.js` are the files.
   */
  readonly workletUrl?: WorkletUrl | undefined
  /** How long a lost connection is tried again, in milliseconds; default 60,000, the server's resume window. */
  readonly resumeWindowMs?: number | undefined
  /**
   * How long a server whose session limit is reached is asked again before `connect` fails with `session_limit_exceeded`,
   * in milliseconds; default 10,000. 0 fails at once.
   */
  readonly retryWindowMs?: number | undefined
  /** Cancels connecting; after that it has no effect. */
  readonly signal?: AbortSignal | undefined
}
