/**
 * What a call needs from a transport: the media of the whole call, and the links that attach it to its session.
 *
 * A `CallMedia` lives as long as the call and owns its audio objects; each `Link` is one attachment to the session,
 * opened by `attach` and replaced after a loss. WebSocket, WebRTC and LiveKit implement it.
 *
 * @since 0.1.0
 */
import type { ServerMessage } from "../protocol/ClientProtocol.ts"
import type { ClientMessage } from "../protocol/WireProtocol.ts"
import type { VoiceClientError } from "../VoiceClientError.ts"

/**
 * The session a link attaches to.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionTarget {
  /** The server's base URL, with neither query nor trailing slash. Only a refusal there ends the call. */
  readonly baseUrl: string
  readonly id: string
  readonly token: string
  /** Another base URL at which the session may be, as that of the node that had it when it was created. */
  readonly otherUrl?: string | undefined
  /** Whether `otherUrl` is tried before `baseUrl`, not after it. Default: false. */
  readonly otherFirst?: boolean | undefined
  /** Where another platform's client connects, with `token`: a LiveKit server. */
  readonly connectionUrl?: string | undefined
}

/**
 * How a link reports. `lost` is called at most once: with an `error` when the session cannot be reached again, with
 * `closed` when the session is over, and otherwise when reconnecting may help.
 *
 * @category models
 * @since 0.1.0
 */
export interface LinkHandlers {
  readonly message: (message: ServerMessage) => void
  readonly lost: (
    loss: { readonly error?: VoiceClientError | undefined; readonly closed?: boolean | undefined }
  ) => void
  /** The link mends itself, and goes on or is lost later. */
  readonly interrupted: (isInterrupted: boolean) => void
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Link {
  /** Sends if the link is open; a message for a link that is closing is dropped. */
  readonly send: (message: ClientMessage) => void
  /** Closes without a further report. */
  readonly close: () => void
  /** Finds out soon whether the far end is still there, after the page has slept; `lost` tells when it is not. */
  readonly probe: () => void
}

/**
 * RMS levels, 0 (silence) to 1 (full scale).
 *
 * @category models
 * @since 0.1.0
 */
export interface Levels {
  readonly user: number
  readonly agent: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface CallMedia {
  /** Opens a link. Rejects with a `VoiceClientError`: `connection_failed` and `connection_timeout` may be retried. */
  readonly attach: (target: SessionTarget, handlers: LinkHandlers, signal: AbortSignal) => Promise<Link>
  /** Is called with every message, before the listeners of the call. */
  readonly onMessage: (message: ServerMessage) => void
  /** Sends this microphone from now on, also over links that are opened later. */
  readonly setMicrophone: (stream: MediaStream) => Promise<void>
  /** Is told what the microphone's owner does to its track. */
  readonly setMuted: (muted: boolean) => void
  readonly setOutputDevice: (deviceId: string) => Promise<void>
  readonly levels: () => Levels
  readonly close: () => void
}

/**
 * Measures the RMS of a node's signal on demand, over its last 43 ms at 48 kHz.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeLevelMeter = (
  context: BaseAudioContext
): { readonly node: AnalyserNode; readonly read: () => number } => {
  const node = context.createAnalyser()
  node.fftSize = 2_048
  const samples = new Float32Array(node.fftSize)
  return {
    node,
    read: () => {
      node.getFloatTimeDomainData(samples)
      let sum = 0
      for (const sample of samples) sum += sample * sample
      return Math.min(1, Math.sqrt(sum / samples.length))
    }
  }
}

/**
 * Measures a stream's level with the meter, until the node is disconnected. `undefined`, and a level of 0, where the browser
 * refuses it, as Firefox does for a device of another sample rate: the stream is sent and heard without it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const measure = (
  context: AudioContext,
  stream: MediaStream,
  meter: ReturnType<typeof makeLevelMeter>
): MediaStreamAudioSourceNode | undefined => {
  try {
    const source = context.createMediaStreamSource(stream)
    source.connect(meter.node)
    return source
  } catch {
    return undefined
  }
}
