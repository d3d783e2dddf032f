/**
 * The media stream of a carrier or of another system: it connects to our WebSocket, tells the call, and sends and takes audio.
 *
 * A codec of such a stream is plain and synchronous. It decodes into a buffer that it is given, and keeps none: the samples
 * belong to the call of `receive`. What the far end reports as played comes back by the names of marks.
 *
 * @since 0.1.0
 */

/**
 * How samples are coded on the wire: G.711 µ-law or A-law, or 16-bit signed linear PCM, mono.
 *
 * - `littleEndian`: of `l16`; carriers differ from RFC 3551, where it is big-endian. Default: true.
 *
 * @category models
 * @since 0.1.0
 */
export interface MediaFormat {
  readonly encoding: "mulaw" | "alaw" | "l16"
  /** In Hz. */
  readonly sampleRate: number
  readonly littleEndian?: boolean | undefined
}

/**
 * What the first messages of a stream tell.
 *
 * @category models
 * @since 0.1.0
 */
export interface MediaStart {
  /** The id of the stream, as the carrier's messages name it; empty where there is none. */
  readonly streamId: string
  /** The carrier's id of the call. */
  readonly callId: string
  /** The carrier's account, where the stream tells it. */
  readonly account?: string | undefined
  /** Who calls, and whom: numbers (E.164), SIP addresses or names, as the carrier writes them. */
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly direction?: "inbound" | "outbound" | undefined
  /** What the caller's audio comes as, and what the stream takes. */
  readonly input: MediaFormat
  readonly output: MediaFormat
  /** Parameters that the answer of the webhook, the dialplan or the flow has added. */
  readonly parameters: { readonly [name: string]: string }
}

/**
 * Takes what was decoded. All synchronous; audio is valid during the call only.
 *
 * @category models
 * @since 0.1.0
 */
export interface MediaListener {
  /** Samples at the input rate. */
  readonly audio: (pcm: Int16Array) => void
  /** So many samples (at the input rate) were lost. */
  readonly gap: (samples: number) => void
  /** A key of the caller's keypad: `0` to `9`, `*`, `#`, `A` to `D`. */
  readonly digit: (digit: string) => void
  /** The far end has played the audio before the mark of this name, or has dropped it after `clear`. */
  readonly mark: (name: string) => void
  /** The stream ends by the carrier's own word: the caller has hung up, or the call goes on elsewhere. */
  readonly stopped: (reason: string) => void
  /** A message that is not of the protocol; it is ignored. The reason quotes nothing that was said. */
  readonly malformed: (reason: string) => void
}

/**
 * The codec of one stream.
 *
 * @category models
 * @since 0.1.0
 */
export interface MediaCodec {
  /**
   * Decodes a message into `samples`, which has room for the largest one, and tells the listener. Never throws. Returns its cost in
   * ms (see `FloodLimit`).
   */
  readonly receive: (data: Uint8Array, isBinary: boolean, samples: Int16Array, listener: MediaListener) => number
  /** Encodes audio at the output rate as one message. */
  readonly audio: (pcm: Int16Array) => string | Uint8Array
  /** Asks the far end to say when everything before has been played. Default: it cannot say so. */
  readonly mark?: ((name: string) => string | Uint8Array) | undefined
  /** Tells the far end to drop what it has not played. Default: what was sent cannot be taken back. */
  readonly clear?: (() => string | Uint8Array) | undefined
  /** Tells the far end to hang up, where the stream can; sent before it is closed. */
  readonly hangUp?: (() => string | Uint8Array) | undefined
  /** Whether the far end takes more audio now. Default: always. */
  readonly accepts?: (() => boolean) | undefined
}

/**
 * What a message before the audio says.
 *
 * @category models
 * @since 0.1.0
 */
export type MediaOpening =
  | { readonly _tag: "More" }
  | { readonly _tag: "Started"; readonly start: MediaStart }
  | { readonly _tag: "Invalid"; readonly reason: string }

/**
 * A protocol of media streams.
 *
 * @category models
 * @since 0.1.0
 */
export interface MediaProtocol {
  /** As `provider_config.carriers[].kind` or `server.protocols` names it. */
  readonly name: string
  /** WebSocket subprotocols, of which one is selected when it is offered. Default: none. */
  readonly subprotocols?: ReadonlyArray<string> | undefined
  /** How far ahead of the speed of speech audio is sent, in ms. Default: 200. */
  readonly leadMs?: number | undefined
  /** How many frames of 20 ms go into one message, 1 to 5. Default: 1. */
  readonly framesPerMessage?: number | undefined
  /** Reads a message before the audio. Never throws. */
  readonly open: (data: Uint8Array, isBinary: boolean) => MediaOpening
  /** The codec of a stream that has started so. */
  readonly make: (start: MediaStart) => MediaCodec
}
